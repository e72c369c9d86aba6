"""Stock cases: opened once for each thing that is wrong, owned, resolved once."""

from dataclasses import asdict, dataclass, field
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import Conflict, NotFound
from domain.json_types import JsonFields
from domain.stock.cases import StockCaseKind, StockCaseState, StockResolution

_OPEN = text(
    """
    INSERT INTO stock_cases (kind, subject, warehouse, sku, quantity, transfer_id, count_id, orders, opened_by)
    VALUES (:kind, :subject, :warehouse, :sku, :quantity, :transfer_id, :count_id, :orders, :opened_by)
    ON CONFLICT (kind, subject) WHERE state = 'open' DO NOTHING RETURNING case_id
    """
)
_COLUMNS = """
    SELECT case_id, kind, subject, state, warehouse, sku, quantity, transfer_id, count_id, orders, owner, opened_by,
           opened_at, resolution, reason, resolved_by, resolved_at FROM stock_cases
    """
_ONE = text(_COLUMNS + "WHERE case_id = :case_id")
_LOCKED = text(_COLUMNS + "WHERE case_id = :case_id FOR UPDATE")
_PAGE = text(
    f"""{_COLUMNS} WHERE state = :state AND case_id < :before AND (CAST(:kind AS text) IS NULL OR kind = :kind)
         ORDER BY case_id DESC LIMIT :limit"""
)
_OWNED = text("UPDATE stock_cases SET owner = :owner WHERE case_id = :case_id")
_RESOLVED = text(
    """UPDATE stock_cases SET state = 'resolved', resolution = :resolution, reason = :reason, resolved_by = :actor,
              resolved_at = now() WHERE case_id = :case_id"""
)
# So many are counted at most.
_MANY = 10_000
_COUNT = text("SELECT count(*) FROM (SELECT FROM stock_cases WHERE state = 'open' LIMIT :many) c")
_OPEN_NUMBER = text("SELECT case_id FROM stock_cases WHERE kind = :kind AND subject = :subject AND state = 'open'")
_OVER = text(
    """UPDATE stock_cases SET state = 'resolved', resolution = 'corrected', reason = :reason, resolved_by = :actor,
              resolved_at = now() WHERE kind = :kind AND subject = :subject AND state = 'open'"""
)


@dataclass(frozen=True, slots=True)
class NewCase:
    """What is wrong. Of one `kind` and `subject` one case is open at most."""

    kind: StockCaseKind
    subject: str
    opened_by: str
    warehouse: str | None = None
    sku: str | None = None
    quantity: int | None = None
    transfer_id: str | None = None
    count_id: str | None = None
    orders: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class StockCase:
    """A case; `owner` is the name of the member of staff who clears it up."""

    case_id: int
    kind: StockCaseKind
    subject: str
    state: StockCaseState
    warehouse: str | None
    sku: str | None
    quantity: int | None
    transfer_id: str | None
    count_id: str | None
    orders: list[str]
    owner: str | None
    opened_by: str
    opened_at: datetime
    resolution: StockResolution | None
    reason: str | None
    resolved_by: str | None
    resolved_at: datetime | None


async def open_case(conn: AsyncConnection, new: NewCase) -> int | None:
    """The number of the case; None where it is open already."""
    row = asdict(new) | {"kind": new.kind.value}
    number: int | None = (await conn.execute(_OPEN, row)).scalar_one_or_none()
    return number


async def find(conn: AsyncConnection, case_id: int, *, lock: bool = False) -> StockCase:
    """Raises NotFound `stock_case_not_found`."""
    row = (await conn.execute(_LOCKED if lock else _ONE, {"case_id": case_id})).mappings().one_or_none()
    if row is None:
        raise NotFound("stock_case_not_found")
    return StockCase(**_typed(dict(row)))


async def page(
    conn: AsyncConnection, state: StockCaseState, kind: StockCaseKind | None, before: int, limit: int
) -> list[StockCase]:
    """At most `limit`, of a kind where one is named, the newest first."""
    rows = await conn.execute(_PAGE, {"state": state.value, "kind": kind, "before": before, "limit": limit})
    return [StockCase(**_typed(dict(row))) for row in rows.mappings()]


async def set_owner(conn: AsyncConnection, case_id: int, owner: str) -> None:
    """Who clears it up."""
    await conn.execute(_OWNED, {"case_id": case_id, "owner": owner})


def require_open(case: StockCase) -> None:
    """Raises Conflict `stock_case_resolved`."""
    if case.state is StockCaseState.RESOLVED:
        raise Conflict("stock_case_resolved")


async def resolve(conn: AsyncConnection, case: StockCase, resolution: StockResolution, reason: str, actor: str) -> None:
    """It is over. The caller has locked it."""
    row = {"case_id": case.case_id, "resolution": resolution.value, "reason": reason, "actor": actor}
    await conn.execute(_RESOLVED, row)


async def over(conn: AsyncConnection, kind: StockCaseKind, subject: str, reason: str, actor: str) -> None:
    """Its cause is gone: where such a case is open, it is resolved."""
    await conn.execute(_OVER, {"kind": kind.value, "subject": subject, "reason": reason, "actor": actor})


async def number_of(conn: AsyncConnection, kind: StockCaseKind, subject: str) -> int | None:
    """The case that is open about it."""
    row = {"kind": kind.value, "subject": subject}
    number: int | None = (await conn.execute(_OPEN_NUMBER, row)).scalar_one_or_none()
    return number


async def count_open(conn: AsyncConnection) -> int:
    """How many wait for somebody, 10,000 at most."""
    return int((await conn.execute(_COUNT, {"many": _MANY})).scalar_one())


def _typed(row: JsonFields) -> JsonFields:
    resolution = row["resolution"]
    return row | {
        "kind": StockCaseKind(row["kind"]),
        "state": StockCaseState(row["state"]),
        "resolution": StockResolution(resolution) if resolution else None,
    }
