"""The ledger of freight: what the parcels of an order cost, and differences that people decide."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import NotFound
from domain.shipping.freight import (
    DifferenceAction,
    DifferenceKind,
    DifferenceState,
    FreightKind,
    added_minor,
    allowed_actions,
    decided,
)
from infra.db.driver_types import DriverRow

_COLUMNS = """
    SELECT difference_id, bill_id, line, kind, state, tracking_no, order_no, fulfilment_no, shipment_id, booked_minor,
           booked_currency, billed_minor, currency, owner, reason, decided_by, decided_at
      FROM freight_differences
    """
_ONE = text(_COLUMNS + "WHERE difference_id = :difference_id")
_LOCKED = text(_COLUMNS + "WHERE difference_id = :difference_id FOR UPDATE")
_OF_ORDER = text(_COLUMNS + "WHERE order_no = :order_no ORDER BY difference_id LIMIT 200")
_PAGE = text(
    _COLUMNS
    + """WHERE difference_id > :after AND (CAST(:bill_id AS text) IS NULL OR bill_id = CAST(:bill_id AS text))
           AND (CAST(:kind AS text) IS NULL OR kind = CAST(:kind AS text))
           AND (CAST(:state AS text) IS NULL OR state = CAST(:state AS text))
         ORDER BY difference_id LIMIT :limit"""
)
_OWNED = text("UPDATE freight_differences SET owner = :owner WHERE difference_id = :difference_id")
_DECIDED = text(
    """UPDATE freight_differences SET state = :state, reason = :reason, decided_by = :actor, decided_at = now(),
              owner = coalesce(owner, :owner) WHERE difference_id = :difference_id"""
)
_ADDED = text(
    """INSERT INTO freight_entries (kind, order_no, fulfilment_no, shipment_id, amount_minor, currency, bill_id,
                                    bill_line, difference_id)
       SELECT 'billed', order_no, fulfilment_no, shipment_id, :amount_minor, currency, bill_id, line, difference_id
         FROM freight_differences WHERE difference_id = :difference_id"""
)
# So many are counted at most.
_MANY = 10_000
_COUNT = text("SELECT count(*) FROM (SELECT FROM freight_differences WHERE state = 'open' LIMIT :many) c")
_ORDER = text("SELECT 1 FROM orders WHERE order_no = :order_no")
_ENTRIES = text(
    """SELECT kind, fulfilment_no, shipment_id, amount_minor, currency, bill_id, difference_id, created_at
         FROM freight_entries WHERE order_no = :order_no ORDER BY entry_id"""
)
_PARCELS = text(
    """SELECT shipment_id, fulfilment_no, carrier, tracking_no, status FROM shipments
        WHERE order_no = :order_no ORDER BY fulfilment_no, created_at, shipment_id"""
)


@dataclass(frozen=True, slots=True)
class FreightDifference:
    """A line of a bill that is not what was booked. `booked_minor` is in `booked_currency`, `billed_minor` in
    `currency`; `owner` is who settles it."""

    difference_id: int
    bill_id: str
    line: int
    kind: DifferenceKind
    state: DifferenceState
    tracking_no: str
    order_no: str | None
    fulfilment_no: int | None
    shipment_id: str | None
    booked_minor: int | None
    booked_currency: str | None
    billed_minor: int | None
    currency: str
    owner: str | None
    reason: str | None
    decided_by: str | None
    decided_at: datetime | None

    @property
    def actions(self) -> tuple[DifferenceAction, ...]:
        """What can be decided now."""
        return allowed_actions(self.kind, self.state)


@dataclass(frozen=True, slots=True)
class FreightEntry:
    """An entry of the ledger. What a decision added names the difference, and may be negative."""

    kind: FreightKind
    fulfilment_no: int | None
    shipment_id: str | None
    amount_minor: int
    currency: str
    bill_id: str | None
    difference_id: int | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class FreightParcel:
    """A parcel of an order."""

    shipment_id: str
    fulfilment_no: int
    carrier: str
    tracking_no: str | None
    status: str


@dataclass(frozen=True, slots=True)
class OrderFreight:
    """All that is known of an order's freight."""

    order_no: str
    parcels: list[FreightParcel]
    entries: list[FreightEntry]
    differences: list[FreightDifference]


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decides, and why; `name` is theirs as an owner is named."""

    action: DifferenceAction
    reason: str
    actor: str
    name: str


async def of_order(conn: AsyncConnection, order_no: str) -> OrderFreight:
    """Raises NotFound `order_not_found`."""
    values = {"order_no": order_no}
    if (await conn.execute(_ORDER, values)).first() is None:
        raise NotFound("order_not_found")
    parcels = [FreightParcel(**row) for row in (await conn.execute(_PARCELS, values)).mappings()]
    entries = [_entry(row) for row in (await conn.execute(_ENTRIES, values)).mappings()]
    differences = [_difference(row) for row in (await conn.execute(_OF_ORDER, values)).mappings()]
    return OrderFreight(order_no, parcels, entries, differences)


async def find(conn: AsyncConnection, difference_id: int, *, lock: bool = False) -> FreightDifference:
    """Raises NotFound `difference_not_found`."""
    rows = await conn.execute(_LOCKED if lock else _ONE, {"difference_id": difference_id})
    row = rows.mappings().one_or_none()
    if row is None:
        raise NotFound("difference_not_found")
    return _difference(row)


async def page(
    conn: AsyncConnection, wanted: Mapping[str, str | None], after: int, limit: int
) -> list[FreightDifference]:
    """At most `limit` of a `bill_id`, a `kind` and a `state` (None: of every), the oldest first."""
    rows = await conn.execute(_PAGE, {**wanted, "after": after, "limit": limit})
    return [_difference(row) for row in rows.mappings()]


async def set_owner(conn: AsyncConnection, difference_id: int, owner: str) -> None:
    """Who settles it."""
    await conn.execute(_OWNED, {"difference_id": difference_id, "owner": owner})


async def decide(conn: AsyncConnection, difference: FreightDifference, decision: Decision) -> None:
    """Keep the decision, and what it adds to the ledger. The caller has locked the difference. Raises Conflict
    `difference_decided`, RuleBroken `difference_unreadable`."""
    after = decided(difference.kind, difference.state, decision.action)
    of_difference = {"difference_id": difference.difference_id}
    said = {"state": after.value, "reason": decision.reason, "actor": decision.actor, "owner": decision.name}
    await conn.execute(_DECIDED, of_difference | said)
    amount = added_minor(difference.kind, decision.action, difference.booked_minor, difference.billed_minor)
    if amount:
        await conn.execute(_ADDED, of_difference | {"amount_minor": amount})


async def count_open(conn: AsyncConnection) -> int:
    """How many wait for a decision, 10,000 at most."""
    return int((await conn.execute(_COUNT, {"many": _MANY})).scalar_one())


def _difference(row: DriverRow) -> FreightDifference:
    typed = {"kind": DifferenceKind(row["kind"]), "state": DifferenceState(row["state"])}
    return FreightDifference(**{**row, **typed})


def _entry(row: DriverRow) -> FreightEntry:
    return FreightEntry(**{**row, "kind": FreightKind(row["kind"])})
