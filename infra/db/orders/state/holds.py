"""Holds in the database. Triggers enforce a hold, and signal the order's workflow."""

import contextlib
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import Conflict, NotFound
from domain.orders.holds import ESCALATED_TO, HOLDS, HoldAction, HoldKind, Outcome, can_be_held
from domain.orders.status import Status
from domain.times import rfc3339
from infra.db.customers.profiles import KeyRing, data_key_of
from infra.db.orders.state import timeline
from infra.settings import Settings

# The trigger numbers it, and refuses what is too late.
_PUT_ON = text(
    """
    INSERT INTO holds (order_no, hold_no, kind, stops, owner, default_outcome, put_on_by, reason_enc,
                       escalate_at, until)
    VALUES (:order_no, 1, :kind, :stops, :owner, :outcome, :actor, :reason_enc,
            now() + make_interval(secs => least(:escalate_s, :deadline_s)), now() + make_interval(secs => :deadline_s))
    RETURNING hold_no, until
    """
)
_STANDING = text(
    """
    SELECT o.status, o.cancelling, o.status = 'preparing' AND has_part_to_hold(o.order_no) AS part_to_book,
           EXISTS (SELECT FROM holds h WHERE h.order_no = o.order_no AND h.kind = :kind
                                             AND h.closed_at IS NULL AND (h.put_on_by = 'system' OR :actor <> 'system'))
             AS held
      FROM orders o WHERE o.order_no = :order_no
    """
)
# A hold that does what the rule's would: looked into by those whom the rule names, and cancelling if nobody does.
_AS_STRICT = """h.kind = :risk AND (h.put_on_by = 'system' OR (h.default_outcome = 'cancel'
                    AND split_part(h.owner, ':', 1) = ANY (CAST(:owners AS text[]))))"""
_WATCHED = text(
    f"SELECT EXISTS (SELECT FROM holds h WHERE h.order_no = :order_no AND h.closed_at IS NULL AND {_AS_STRICT})"  # noqa: S608
)
# A change that made a paid order more expensive, with no look at the order since.
_MORE_EXPENSIVE = text(
    f"""
    SELECT o.total_minor FROM orders o JOIN change_payments u USING (order_no)
     WHERE o.order_no = :order_no AND o.status = 'paid' AND o.cancelling IS NULL AND u.status = 'applied'
       AND NOT EXISTS (SELECT FROM holds h WHERE h.order_no = o.order_no AND h.put_on_at >= u.updated_at
                          AND {_AS_STRICT})
     LIMIT 1
    """  # noqa: S608
)
_ONE = text("SELECT kind, owner, closed_at FROM holds WHERE order_no = :order_no AND hold_no = :hold_no")
_CLOSE = text(
    """
    UPDATE holds SET closed_at = now(), closed_by = :actor, outcome = :outcome, close_reason_enc = :reason_enc
     WHERE order_no = :order_no AND hold_no = :hold_no AND closed_at IS NULL RETURNING kind, default_outcome
    """
)
_ESCALATE = text(
    """
    UPDATE holds SET escalated_at = now(), owner = :owner
     WHERE order_no = :order_no AND hold_no = :hold_no AND closed_at IS NULL AND escalated_at IS NULL RETURNING kind
    """
)
_OF_ORDER = text(
    """
    SELECT h.hold_no, h.kind, h.stops, h.owner, h.default_outcome, h.put_on_by, h.put_on_at, h.escalate_at, h.until,
           h.escalated_at, h.closed_at, h.closed_by, h.outcome, h.reason_enc, h.close_reason_enc, c.data_key
      FROM holds h JOIN orders o USING (order_no) JOIN customers c USING (customer_id)
     WHERE h.order_no = :order_no ORDER BY h.hold_no
    """
)
_OPEN = text(
    """
    SELECT h.order_no, h.hold_no, h.kind, h.owner, h.default_outcome, h.put_on_by, h.put_on_at, h.until, h.escalated_at,
           o.status, o.channel, o.total_minor, o.currency
      FROM holds h JOIN orders o USING (order_no)
     WHERE h.closed_at IS NULL AND (CAST(:kind AS text) IS NULL OR h.kind = :kind)
       AND (CAST(:owner AS text) IS NULL OR h.owner = :owner OR h.owner LIKE :owner || ':%')
       AND (CAST(:until AS timestamptz) IS NULL
            OR (h.until, h.order_no, h.hold_no) > (CAST(:until AS timestamptz), :order_no, :hold_no))
     ORDER BY h.until, h.order_no, h.hold_no LIMIT :limit + 1
    """
)


@dataclass(frozen=True, slots=True)
class NewHold:
    """A hold as asked for; times in seconds from now. `reason` is sealed under the customer's key."""

    kind: HoldKind
    actor: str
    reason: str
    owner: str
    outcome: Outcome
    deadline_s: int
    escalate_s: int


@dataclass(frozen=True, slots=True)
class OpenHoldFilter:
    """Which open holds: of a kind, of an owner (a role, or role:name), after the last of a page."""

    kind: str | None
    owner: str | None
    after: tuple[datetime, str, int] | None
    limit: int


async def place(conn: AsyncConnection, keys: KeyRing | None, order_no: str, new: NewHold) -> int:
    """Put the hold on; answers with its number. The caller has locked the order.

    `keys` None keeps no reason: the event says by which rule it came. Raises Conflict `too_late_to_hold`,
    `already_held`; NotFound `order_not_found`.
    """
    current = (
        await conn.execute(_STANDING, {"order_no": order_no, "kind": new.kind, "actor": new.actor})
    ).one_or_none()
    if current is None:
        raise NotFound("order_not_found")
    stops = HOLDS[new.kind].stops
    if current.cancelling is not None or not can_be_held(Status(current.status), current.part_to_book):
        raise Conflict("too_late_to_hold", _TOO_LATE.format(status=current.status))
    if current.held:
        raise Conflict("already_held", f"a hold of the kind {new.kind} is open: release it, or let it come to its end")
    row: dict[str, object] = {
        "order_no": order_no,
        "kind": new.kind,
        "stops": list(stops),
        "owner": new.owner,
        "outcome": new.outcome,
    }
    row |= {"actor": new.actor, "deadline_s": new.deadline_s, "escalate_s": new.escalate_s}
    sealed = await _sealed(conn, keys, order_no, new.reason, new.kind)
    made = (await conn.execute(_PUT_ON, {**row, "reason_enc": sealed})).one()
    data = {"hold": new.kind, "hold_no": made.hold_no, "until": rfc3339(made.until), "default": new.outcome}
    await timeline.append(conn, order_no, "hold_put_on", new.actor, data=data)
    return int(made.hold_no)


async def place_by_rule(conn: AsyncConnection, settings: Settings, order_no: str, total_minor: int) -> None:
    """An order of more than the setting says is looked at before money is taken; 0 switches the rule off.

    A hold that somebody put on for its risk counts only where it is as strict as the rule's own.
    """
    limit = settings.hold_risk_above_minor
    if limit and total_minor > limit and not (await conn.execute(_WATCHED, _strict(order_no))).scalar_one():
        rule = HOLDS[HoldKind.RISK]
        deadline_s, escalate_s = settings.hold_deadline_s, settings.hold_escalation_s
        new = NewHold(HoldKind.RISK, "system", "", rule.owner, rule.outcome, deadline_s, escalate_s)
        with contextlib.suppress(Conflict):  # it is too late to hold it
            await place(conn, None, order_no, new)


async def recheck_risk_after_increase(conn: AsyncConnection, settings: Settings, order_no: str) -> None:
    """The same rule for an order that became more expensive after it was paid: looked at before its parcel is booked.
    The caller has locked the order."""
    if not settings.hold_risk_above_minor:
        return
    row = (await conn.execute(_MORE_EXPENSIVE, _strict(order_no))).one_or_none()
    if row is not None:
        await place_by_rule(conn, settings, order_no, row.total_minor)


def _strict(order_no: str) -> dict[str, object]:
    return {"order_no": order_no, "risk": HoldKind.RISK, "owners": [HOLDS[HoldKind.RISK].owner, ESCALATED_TO]}


_TOO_LATE = "the order is {status} or being undone, nothing that is still to come can be held; cancel it instead"


async def release(conn: AsyncConnection, keys: KeyRing, order_no: str, hold_no: int, actor: str, reason: str) -> str:
    """Let the order go on; answers with the kind of the hold. The order is locked. Raises Conflict `not_held`."""
    row = {"order_no": order_no, "hold_no": hold_no, "actor": actor, "outcome": "released"}
    sealed = await _sealed(conn, keys, order_no, reason, f"close:{hold_no}")
    closed = (await conn.execute(_CLOSE, {**row, "reason_enc": sealed})).one_or_none()
    if closed is None:
        raise Conflict("not_held", "this hold is closed already")
    await timeline.append(conn, order_no, "hold_released", actor, data={"hold": closed.kind, "hold_no": hold_no})
    return str(closed.kind)


async def owner_of(conn: AsyncConnection, order_no: str, hold_no: int) -> str:
    """Who looks into it: a role, or role:name. Raises NotFound `hold_not_found`."""
    row = (await conn.execute(_ONE, {"order_no": order_no, "hold_no": hold_no})).one_or_none()
    if row is None:
        raise NotFound("hold_not_found")
    return str(row.owner)


async def process_due(
    conn: AsyncConnection, order_no: str, hold_no: int, action: HoldAction, escalated_to: str
) -> Outcome | None:
    """What is due: hand it to `escalated_to`, or close it; answers with the outcome that follows, None for nothing.

    Safe to repeat. The caller has locked the order.
    """
    row: dict[str, object] = {"order_no": order_no, "hold_no": hold_no}
    if action is HoldAction.ESCALATE:
        if kind := (await conn.execute(_ESCALATE, {**row, "owner": escalated_to})).scalar_one_or_none():
            await timeline.append(conn, order_no, "hold_escalated", data={"hold": kind, "hold_no": hold_no})
        return None
    row |= {"actor": "system", "outcome": "expired", "reason_enc": None}
    closed = (await conn.execute(_CLOSE, row)).one_or_none()
    if closed is None:
        return None
    data = {"hold": closed.kind, "hold_no": hold_no, "default": closed.default_outcome}
    await timeline.append(conn, order_no, "hold_expired", data=data)
    return Outcome(closed.default_outcome)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A hold of an order. A reason is None where its key is gone, or a rule put the hold on."""

    hold_no: int
    kind: HoldKind
    stops: list[str]
    owner: str
    default_outcome: Outcome
    put_on_by: str
    put_on_at: datetime
    escalate_at: datetime
    until: datetime
    escalated_at: datetime | None
    closed_at: datetime | None
    closed_by: str | None
    outcome: str | None
    reason: str | None = field(repr=False)
    close_reason: str | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenHold:
    """An open hold with its order."""

    order_no: str
    hold_no: int
    kind: HoldKind
    owner: str
    default_outcome: Outcome
    put_on_by: str
    put_on_at: datetime
    until: datetime
    escalated_at: datetime | None
    status: Status
    channel: str
    total_minor: int
    currency: str


async def of_order(conn: AsyncConnection, keys: KeyRing, order_no: str) -> list[Hold]:
    """The order's holds, oldest first."""
    rows = (await conn.execute(_OF_ORDER, {"order_no": order_no})).mappings()
    return [_hold(keys, order_no, row) for row in rows]


def _hold(keys: KeyRing, order_no: str, row: RowMapping) -> Hold:
    key, kind, closing = row["data_key"], row["kind"], f"close:{row['hold_no']}"
    sealed = ("data_key", "reason_enc", "close_reason_enc")
    known = {name: value for name, value in row.items() if name not in sealed}
    known |= {"kind": HoldKind(kind), "default_outcome": Outcome(row["default_outcome"])}
    return Hold(
        **known,
        reason=_opened(keys, key, row["reason_enc"], context(order_no, kind)),
        close_reason=_opened(keys, key, row["close_reason_enc"], context(order_no, closing)),
    )


async def open_holds(conn: AsyncConnection, filters: OpenHoldFilter) -> list[OpenHold]:
    """At most `limit` + 1 open holds, the one whose deadline comes first first."""
    until, order_no, hold_no = filters.after or (None, "", 0)
    row = {"kind": filters.kind, "owner": filters.owner, "limit": filters.limit}
    rows = await conn.execute(_OPEN, {**row, "until": until, "order_no": order_no, "hold_no": hold_no})
    return [_open_hold(found) for found in rows.mappings()]


def _open_hold(row: RowMapping) -> OpenHold:
    typed = {
        "kind": HoldKind(row["kind"]),
        "default_outcome": Outcome(row["default_outcome"]),
        "status": Status(row["status"]),
    }
    return OpenHold(**{**row, **typed})


async def _sealed(conn: AsyncConnection, keys: KeyRing | None, order_no: str, reason: str, what: str) -> bytes:
    """Of an erased customer's order no reason is kept: nothing could ever open it."""
    key = await data_key_of(conn, order_no) if keys is not None else None
    return keys.seal_json(key, reason, context(order_no, what)) if keys is not None and key else b""


def _opened(keys: KeyRing, key: bytes | None, sealed: bytes | None, context: str) -> str | None:
    reason: str | None = keys.open_json(key, sealed, context) if sealed else None
    return reason


def context(order_no: str, what: str) -> str:
    """What a reason is sealed with: `what` is the hold's kind, or `close:` and its number."""
    return f"{order_no}:hold:{what}"
