"""Holds and priority: what the HTTP calls and the console's forms both do.

They are stored in the database and need no answer from the order's workflow, which receives a signal. The database
enforces a hold from the moment that it is stored.
"""

from datetime import datetime

from api import pagination
from api.dependencies import Services, actor, derived_id
from api.errors import Problem
from api.idempotency import request_of, run_in_transaction
from api.replies import Reply
from api.schemas.orders.holds import PutOnHold, SetPriority
from domain.access import STAFF, Principal, Role
from domain.orders.holds import HOLDS, may_release
from domain.orders.priority import RANKS
from infra.db.engine import Connection
from infra.db.orders.changing import priorities
from infra.db.orders.changing.staff_actions import StaffAction
from infra.db.orders.state import holds, timeline
from infra.db.orders.state.holds import Hold, NewHold, OpenHold, OpenHoldFilter


async def place(
    services: Services, caller: Principal, key: str, digest: bytes, number: str, request: PutOnHold
) -> Reply:
    """Hold the order. Raises Problem `unknown_owner`, Conflict `too_late_to_hold`, `already_held`, NotFound."""
    new = _new_hold(services, caller, request)

    async def work(conn: Connection) -> dict[str, object]:
        await timeline.lock_order(conn, number)
        hold_no = await holds.place(conn, services.keys, number, new)
        return {"order_no": number, "hold_no": hold_no, "kind": new.kind, "owner": new.owner}

    return await run_in_transaction(services, request_of(caller, key, digest), 201, work)


def _new_hold(services: Services, caller: Principal, request: PutOnHold) -> NewHold:
    rule = HOLDS[request.kind]
    owner = request.owner or rule.owner.value
    role, _, name = owner.partition(":")
    if role not in STAFF or (":" in owner and not name):
        raise Problem("unknown_owner", f"an owner is one of {', '.join(sorted(STAFF))}, or role:name")
    return NewHold(
        request.kind,
        actor(caller),
        request.reason,
        owner,
        request.default_outcome or rule.outcome,
        request.deadline_s or services.settings.hold_deadline_s,
        request.escalate_s or services.settings.hold_escalation_s,
    )


async def release(
    services: Services, caller: Principal, key: str, digest: bytes, number: str, hold_no: int, reason: str
) -> Reply:
    """Let the order go on. Raises Problem `forbidden`, Conflict `not_held`, NotFound `hold_not_found`."""

    async def work(conn: Connection) -> dict[str, object]:
        await timeline.lock_order(conn, number)
        owner = await holds.owner_of(conn, number, hold_no)
        if not may_release(caller.role, owner):
            raise Problem("forbidden", f"this hold is released by {owner} or by operations")
        kind = await holds.release(conn, services.keys, number, hold_no, actor(caller), reason)
        return {"order_no": number, "hold_no": hold_no, "outcome": "released", "kind": kind}

    return await run_in_transaction(services, request_of(caller, key, digest), 200, work)


async def prioritise(
    services: Services, caller: Principal, key: str, digest: bytes, number: str, request: SetPriority
) -> Reply:
    """Set the priority of the order. Raises Conflict `order_over`, NotFound `order_not_found`."""
    act_id = f"act_{derived_id(caller, key, f'prioritise {number}')}"
    action = StaffAction(act_id, number, "prioritise", request.priority, actor(caller), request.reason)

    async def work(conn: Connection) -> dict[str, object]:
        await priorities.change(conn, services.keys, action, RANKS[request.priority])
        return {"order_no": number, "priority": request.priority}

    return await run_in_transaction(services, request_of(caller, key, digest), 200, work)


PRIORITISED_BY = (Role.SUPPORT, Role.OPERATIONS)


async def open_holds(
    services: Services, kind: str | None, owner: str | None, cursor: str | None, limit: int
) -> tuple[list[OpenHold], str | None]:
    """A page of open holds, the one whose deadline comes first first, and the cursor of the next page."""
    filters = OpenHoldFilter(str(kind) if kind else None, owner, after(cursor), limit)
    async with services.database.begin() as conn:
        rows = await holds.open_holds(conn, filters)
    return rows[:limit], following(rows, limit)


async def of_order(services: Services, order_no: str) -> list[Hold]:
    """The order's holds, open and closed, the oldest first."""
    async with services.database.begin() as conn:
        return await holds.of_order(conn, services.keys, order_no)


def after(cursor: str | None) -> tuple[datetime, str, int] | None:
    """The last hold of the page before. Raises Problem `invalid_cursor`."""
    if cursor is None:
        return None
    until, order_no, hold_no = pagination.decoded(cursor, str, str, int)
    return pagination.moment(until), order_no, hold_no


def following(rows: list[OpenHold], limit: int) -> str | None:
    """The cursor of the next page, if there is one."""
    if len(rows) <= limit:
        return None
    last = rows[limit - 1]
    return pagination.encoded([last.until.isoformat(), last.order_no, last.hold_no])
