"""Returns as callers see them: one, a page of them, and the label of a parcel."""

from dataclasses import dataclass
from datetime import datetime

from api import pagination
from api.dependencies import Services
from domain.access import Principal, Role
from domain.after_sales.returns import ReturnStatus, allowed_actions
from domain.errors import NotFound
from infra.db.after_sales import return_queries, return_requests, returns
from infra.db.after_sales.return_fields import ReturnSummary, ReturnView
from infra.db.after_sales.return_queries import ReturnDetail, ReturnFilter, ReturnRow
from infra.db.engine import Connection
from infra.observability.telemetry import bind_order

REQUESTED_BY = (Role.CUSTOMER, Role.CHANNEL, Role.SUPPORT)
HANDLED_BY = (Role.SUPPORT, Role.WAREHOUSE)
_ROLES = {
    **dict.fromkeys(("approve", "reject", "receive", "inspect"), HANDLED_BY),
    "cancel": REQUESTED_BY,
}


async def view_of(conn: Connection, services: Services, caller: Principal, return_id: str) -> ReturnView:
    """The return for this caller. Raises NotFound `return_not_found`, also for a return that they may not see."""
    return _with_actions(caller, await _visible(conn, services, caller, return_id))


async def _visible(conn: Connection, services: Services, caller: Principal, return_id: str) -> ReturnDetail:
    found = await return_queries.one(conn, services.keys, return_id)
    if not caller.may_see_order(found.customer_id, found.channel):
        raise NotFound("return_not_found")
    return found


def _with_actions(caller: Principal, found: ReturnDetail) -> ReturnView:
    return {**found.body, "allowed_actions": actions(caller, found.body["status"])}


def actions(caller: Principal, status: str) -> list[str]:
    """What this caller may do with a return in `status`."""
    return [action for action in allowed_actions(ReturnStatus(status)) if caller.may_act_as(*_ROLES[action])]


@dataclass(frozen=True, slots=True)
class ListedReturns:
    """Returns, the newest first, each with what this caller may do with it; no cursor on the last page."""

    items: list[ReturnSummary]
    next_cursor: str | None


async def list_returns(
    services: Services,
    caller: Principal,
    status: ReturnStatus | None,
    order_no: str | None,
    cursor: str | None,
    limit: int,
) -> ListedReturns:
    """A page of the returns of this status and of this order. Raises Problem `invalid_cursor`."""
    filters = ReturnFilter(str(status) if status else None, order_no, _before(cursor), limit)
    async with services.database.begin() as conn:
        rows = await return_queries.page(conn, filters)
    items: list[ReturnSummary] = [
        {**row.body, "allowed_actions": actions(caller, row.body["status"])} for row in rows[:limit]
    ]
    return ListedReturns(items, _after(rows, limit))


def _before(cursor: str | None) -> tuple[datetime, str] | None:
    """The last return of the page before. Raises Problem `invalid_cursor`."""
    if cursor is None:
        return None
    moment, return_id = pagination.decoded(cursor, str, str)
    return pagination.moment(moment), return_id


def _after(rows: list[ReturnRow], limit: int) -> str | None:
    """The cursor of the next page, if there is one."""
    if len(rows) <= limit:
        return None
    last = rows[limit - 1]
    return pagination.encoded([last.created.isoformat(), last.body["return_id"]])


@dataclass(frozen=True, slots=True)
class Label:
    """The label of a return's parcel as the carrier gave it."""

    return_id: str
    format: str
    content: bytes


async def label(services: Services, return_id: str) -> Label:
    """The label of a return that the caller may see. Raises NotFound `label_not_found` until it is booked."""
    async with services.database.begin() as conn:
        return Label(return_id, *await return_queries.label_of(conn, services.keys, return_id))


async def visible(services: Services, caller: Principal, return_id: str) -> ReturnView:
    """The object-level check that calls on one return begin with. Raises NotFound `return_not_found`."""
    _require_return_id(return_id)
    async with services.database.begin() as conn:
        found = await view_of(conn, services, caller, return_id)
    bind_order(found["order_no"])
    return found


async def owner_of(services: Services, caller: Principal, return_id: str) -> str:
    """The customer whose return it is, for a caller who may see it. Raises NotFound `return_not_found`."""
    _require_return_id(return_id)
    async with services.database.begin() as conn:
        return (await _visible(conn, services, caller, return_id)).customer_id


def _require_return_id(typed: str) -> None:
    """Raises NotFound `return_not_found` for what cannot be one."""
    if len(typed) > 64 or not typed.isascii() or not typed.isprintable():
        raise NotFound("return_not_found")


@dataclass(frozen=True, slots=True)
class StaffReturn:
    """A return, whose it is, and what it would bring if all of it were as new."""

    order_return: ReturnView
    customer_id: str
    expected_minor: int
    currency: str


async def for_staff(services: Services, caller: Principal, return_id: str) -> StaffReturn:
    """The return with what staff see beside it. Raises NotFound `return_not_found`."""
    _require_return_id(return_id)
    async with services.database.begin() as conn:
        found = await _visible(conn, services, caller, return_id)
        expected_minor, currency = await return_requests.expected_of(conn, await returns.find(conn, return_id))
    bind_order(found.body["order_no"])
    return StaffReturn(_with_actions(caller, found), found.customer_id, expected_minor, currency)
