"""Stock cases: listed, owned, resolved."""

from collections.abc import Awaitable, Callable, Mapping

from api import pagination
from api.dependencies import Services, actor
from api.replies import Reply
from api.schemas.stock_cases import CaseOwner, ResolveCase
from api.services.stock.stock_movements import StockRequest
from domain.access import Role
from domain.errors import RuleBroken
from domain.stock.cases import StockCaseKind, StockCaseState, StockResolution, require_resolution
from infra.db.engine import Connection
from infra.db.stock import cases, transfers
from infra.db.stock.cases import StockCase

NEWEST = 2**62
# Who gives a case an owner and ends it.
WORKED_ON_BY = (Role.WAREHOUSE, Role.OPERATIONS)


async def waiting(services: Services) -> int:
    """How many cases are open; larger numbers are cut short."""
    async with services.database.begin() as conn:
        return await cases.count_open(conn)


async def page(
    services: Services, state: StockCaseState, limit: int, cursor: str | None, kind: StockCaseKind | None = None
) -> tuple[list[StockCase], str | None]:
    """A page, the newest first, and the cursor of the next one. Raises Problem `invalid_cursor`."""
    before = pagination.large_number(cursor) if cursor else NEWEST
    async with services.database.begin() as conn:
        found = await cases.page(conn, state, kind, before, limit + 1)
    return found[:limit], pagination.encoded([found[limit - 1].case_id]) if len(found) > limit else None


async def one(services: Services, case_id: int) -> StockCase:
    """Raises NotFound `stock_case_not_found`."""
    async with services.database.begin() as conn:
        return await cases.find(conn, case_id)


async def assign(asked: StockRequest, case_id: int, owner: CaseOwner) -> Reply:
    """Raises NotFound `stock_case_not_found`, Conflict `stock_case_resolved`."""

    async def work(conn: Connection) -> StockCase:
        cases.require_open(await cases.find(conn, case_id, lock=True))
        await cases.set_owner(conn, case_id, owner.owner)
        return await cases.find(conn, case_id)

    return await asked.run(work, 200)


async def resolve(asked: StockRequest, case_id: int, wanted: ResolveCase) -> Reply:
    """End the case, with what that does to the stock. Raises NotFound `stock_case_not_found`, Conflict
    `stock_case_resolved`, RuleBroken `resolution_not_possible`, `resolution_warehouse_inactive`."""

    async def work(conn: Connection) -> StockCase:
        case = await cases.find(conn, case_id, lock=True)
        cases.require_open(case)
        require_resolution(case.kind, wanted.resolution)
        if effect := _EFFECTS.get(wanted.resolution):
            await effect(conn, asked, case)
        await cases.resolve(conn, case, wanted.resolution, wanted.reason, actor(asked.caller))
        return await cases.find(conn, case_id)

    return await asked.run(work, 200)


async def _arrived(conn: Connection, asked: StockRequest, case: StockCase) -> None:
    """The pieces are put on the level of the target."""
    await _back(conn, asked, case, at_source=False)


async def _never_left(conn: Connection, asked: StockRequest, case: StockCase) -> None:
    """The pieces are put back on the level of the source."""
    await _back(conn, asked, case, at_source=True)


async def _back(conn: Connection, asked: StockRequest, case: StockCase, *, at_source: bool) -> None:
    transfer = await transfers.find(conn, case.transfer_id or "", lock=True)
    at = transfer.source if at_source else transfer.target
    key = f"case:{asked.unique('case')}"
    units = {case.sku or "": case.quantity or 0}
    try:
        await transfers.receive(conn, transfer, units, actor(asked.caller), key, at=at)
    except RuleBroken as refused:
        if refused.code != "warehouse_inactive":
            raise
        detail = "{warehouse} is inactive and takes nothing: activate it first, or end the case in another way"
        raise RuleBroken("resolution_warehouse_inactive", detail, warehouse=at) from None


async def _written_off(conn: Connection, _: StockRequest, case: StockCase) -> None:
    """The pieces in transit are gone."""
    await transfers.write_off(conn, case.transfer_id or "", case.sku or "", case.quantity or 0)


Effect = Callable[[Connection, StockRequest, StockCase], Awaitable[None]]
_EFFECTS: Mapping[StockResolution, Effect] = {
    StockResolution.FOUND: _arrived,
    StockResolution.NOT_SENT: _never_left,
    StockResolution.LOST: _written_off,
}
