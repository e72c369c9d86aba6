"""Approvals: requested, decided, carried out. The database guards that another person decides, and only once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.access import same_person
from domain.approvals import ApprovalKind, RequestedAction, request_from_json
from domain.errors import Conflict, NotFound
from domain.json_types import JsonValue
from infra.db.customers.profiles import KeyRing, data_key_of
from infra.db.driver_types import DriverRow

_INSERT = text(
    """
    INSERT INTO approvals (approval_id, kind, order_no, action, orders, amount_minor, currency, data_key, wish_enc,
                           asked_by, expires_at, park_no)
    VALUES (:approval_id, :kind, :order_no, :action, :orders, :amount_minor, :currency, :data_key, :wish_enc,
            :asked_by, now() + make_interval(secs => :lifetime_s), :park_no)
    RETURNING expires_at
    """
)
_ROWS = """
    SELECT a.approval_id, a.kind, a.order_no, a.action, a.orders, a.amount_minor, a.currency, a.asked_by, a.asked_at,
           a.expires_at, a.decision, a.decided_by, a.decided_at, a.done_at, a.expires_at <= now() AS lapsed,
           a.wish_enc, a.words_enc, coalesce(a.data_key, c.data_key) AS data_key, a.park_no, p.step, p.subject
      FROM approvals a LEFT JOIN orders o USING (order_no) LEFT JOIN customers c USING (customer_id)
      LEFT JOIN parked_steps p ON p.order_no = a.order_no AND p.park_no = a.park_no
"""
_ONE = text(_ROWS + " WHERE a.approval_id = :approval_id")
_LOCKED = text(_ROWS + " WHERE a.approval_id = :approval_id FOR UPDATE OF a")
_LIST = text(
    _ROWS
    + """
     WHERE (a.decision IS NULL) = :open AND (CAST(:before AS timestamptz) IS NULL
            OR (a.asked_at, a.approval_id) < (CAST(:before AS timestamptz), :before_id))
     ORDER BY a.asked_at DESC, a.approval_id DESC LIMIT :limit + 1
    """
)
# Refunds hold room of their own and do not exclude each other, nor anything else; nor does what was asked for a step
# that is parked no more.
_WAITING = text(
    """SELECT approval_id FROM approvals
        WHERE order_no = :order_no AND decision IS NULL AND expires_at > now() AND kind <> 'refund'
          AND (kind <> 'resolve' OR park_no = open_park(order_no))"""
)
_DECIDE = text(
    """UPDATE approvals SET decision = :decision, decided_by = :actor, decided_at = now(), words_enc = :words_enc
        WHERE approval_id = :approval_id"""
)
_DONE = text("UPDATE approvals SET done_at = now() WHERE approval_id = :approval_id AND done_at IS NULL")
_OPEN = text("SELECT count(*) FROM approvals WHERE decision IS NULL AND expires_at > now()")

# The action of a refund that its order's customer gets as store credit.
AS_CREDIT = "store_credit"


@dataclass(frozen=True, slots=True)
class NewApproval:
    """A request to keep. `order_no` is None for a bulk action on `orders` orders; `park_no` is the parked step that is
    to be resolved."""

    approval_id: str
    order_no: str | None
    action: str
    orders: int
    amount_minor: int
    currency: str | None
    request: RequestedAction
    asked_by: str
    lifetime_s: int
    park_no: int | None = None

    @property
    def kind(self) -> ApprovalKind:
        """What it is for."""
        return self.request.kind


@dataclass(frozen=True, slots=True)
class Approval:
    """A request as stored, its texts decrypted (`request` and `words` None where they cannot be read). `park_no`,
    `step` and `subject` (a refund, a return, a change) are those of the parked step that it is for."""

    approval_id: str
    kind: ApprovalKind
    order_no: str | None
    action: str
    orders: int
    amount_minor: int
    currency: str | None
    asked_by: str
    asked_at: datetime
    expires_at: datetime
    decision: str | None
    decided_by: str | None
    decided_at: datetime | None
    done_at: datetime | None
    lapsed: bool
    request: RequestedAction | None
    words: str | None
    park_no: int | None = None
    step: str | None = None
    subject: str | None = None

    @property
    def reason(self) -> str | None:
        """Why the action is requested."""
        return self.request.reason if self.request else None

    @property
    def value(self) -> Mapping[str, object] | None:
        """What the action is given, in the shape that it asks for."""
        return self.request.value if self.request else None

    def requested_by(self, name: str) -> bool:
        """Whether this is who asked, in whatever role and however the name is written."""
        return same_person(self.asked_by.partition(":")[2], name)


async def open_request(conn: AsyncConnection, keys: KeyRing, wanted: NewApproval) -> datetime:
    """Keep the request; answers when it lapses. Raises Conflict `approval_waiting` when the order has one already."""
    exclusive = wanted.order_no and wanted.kind is not ApprovalKind.REFUND
    if exclusive and (known := (await conn.execute(_WAITING, {"order_no": wanted.order_no})).scalar()):
        raise Conflict("approval_waiting", f"{known} for this order already waits for approval")
    key = await data_key_of(conn, wanted.order_no) if wanted.order_no else None
    # One order's is encrypted under its customer's key, and erased with it; a bulk action's has a key of its own.
    own = None if key else keys.vault.new_data_key()[1]
    row = {name: getattr(wanted, name) for name in ("approval_id", "kind", "order_no", "action", "orders")}
    row |= {name: getattr(wanted, name) for name in ("amount_minor", "currency", "asked_by", "park_no")}
    sealed = keys.seal_json(key or own or b"", wanted.request.as_json(), f"{wanted.approval_id}:wish")
    made = await conn.execute(_INSERT, {**row, "data_key": own, "wish_enc": sealed, "lifetime_s": wanted.lifetime_s})
    expires: datetime = made.scalar_one()
    return expires


async def find(conn: AsyncConnection, keys: KeyRing, approval_id: str) -> Approval:
    """Raises NotFound `approval_not_found`."""
    return _opened(keys, (await conn.execute(_ONE, {"approval_id": approval_id})).one_or_none())


async def decide(
    conn: AsyncConnection, keys: KeyRing, approval_id: str, decision: str, actor: str, words: str
) -> Approval:
    """Decide it. What the same person has approved and was not carried out may be approved again.

    Raises Conflict `approval_decided`, `approval_lapsed`; NotFound `approval_not_found`.
    """
    row = (await conn.execute(_LOCKED, {"approval_id": approval_id})).one_or_none()
    found = _opened(keys, row)
    if (found.decision, found.decided_by, found.done_at) == (decision, actor, None) and decision == "approved":
        return found
    if found.decision is not None:
        raise Conflict("approval_decided", f"{found.decided_by} has {found.decision} it already")
    if found.lapsed:
        raise Conflict("approval_lapsed", "nobody decided in time; ask again if it is still wanted")
    sealed = keys.seal_json(row.data_key, words, f"{approval_id}:words") if row and row.data_key else b""
    values = {"approval_id": approval_id, "decision": decision, "actor": actor, "words_enc": sealed}
    await conn.execute(_DECIDE, values)
    return found


async def done(conn: AsyncConnection, approval_id: str) -> None:
    """What was approved is taken up."""
    await conn.execute(_DONE, {"approval_id": approval_id})


async def listed(
    conn: AsyncConnection, keys: KeyRing, *, undecided: bool, before: tuple[datetime, str] | None, limit: int
) -> list[Approval]:
    """At most `limit` + 1, the newest first."""
    moment, before_id = before or (None, "")
    values = {"open": undecided, "before": moment, "before_id": before_id, "limit": limit}
    return [_opened(keys, row) for row in await conn.execute(_LIST, values)]


async def waiting(conn: AsyncConnection) -> int:
    """How many wait for an approval."""
    return int((await conn.execute(_OPEN)).scalar_one())


def _opened(keys: KeyRing, row: DriverRow) -> Approval:
    if row is None:
        raise NotFound("approval_not_found")
    known = dict(row._mapping) | {"kind": ApprovalKind(row.kind)}
    key, sealed, words = (known.pop(name) for name in ("data_key", "wish_enc", "words_enc"))
    stored = keys.open_json(key, sealed, f"{row.approval_id}:wish")
    return Approval(
        **known,
        request=_request_of(row.kind, stored),
        words=keys.open_json(key, words or None, f"{row.approval_id}:words"),
    )


def _request_of(kind: str, stored: JsonValue) -> RequestedAction | None:
    """None where the key is gone, and where only a later version knows this action."""
    try:
        return request_from_json(kind, stored) if stored else None
    except (KeyError, ValueError):
        return None
