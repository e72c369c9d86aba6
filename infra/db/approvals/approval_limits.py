"""How much money may be given without an approval: by order, and by person and day. Amounts add up.

What counts for an order: every refund and store credit of it that is decided, whoever asked and whoever agreed, and
what actions on its parked steps moved. What follows from a change of the order (origin `amendment`) or from a
cancellation does not: the goods stay here. A person's day (UTC) counts what they gave without an approval. The
caller holds the order's lock, so of two concurrent actions the second sees the first.
"""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.settings import Settings

_MOVED = text(
    """
    SELECT amount_moved_by(o.order_no, p.step, :action, p.amount_minor) AS amount_minor,
           added_minor(o.order_no, p.step, :action, p.amount_minor) AS added_minor, o.currency
      FROM orders o JOIN parked_steps p ON p.order_no = o.order_no AND p.resolved_at IS NULL
     WHERE o.order_no = :order_no
    """
)
_GIVEN = text("SELECT given_minor(:order_no)")
_GIVEN_BEFORE = text("SELECT given_minor(:order_no, open_park(:order_no))")
_ADDED = text("SELECT added_minor(:order_no, '', 'compensate', 0)")
# One person's actions are counted one after the other.
_LOCK_ACTOR = text("SELECT pg_advisory_xact_lock(hashtextextended('gives:' || person_of(:actor), 0))")
_GIVEN_ALONE = text("SELECT given_alone_minor(person_of(:actor), :currency, CAST(:but_order_no AS text))")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one person may give of one order, and on one day of all orders of a currency (0: no such limit)."""

    order_minor: int
    staff_day_minor: int = 0

    @classmethod
    def from_settings(cls, settings: Settings) -> "Limits":
        return cls(settings.approval_limit_minor, settings.approval_limit_person_day_minor)


@dataclass(frozen=True, slots=True)
class Moved:
    """What an action moves, and how much of it adds to what was given of the order already."""

    amount_minor: int
    added_minor: int
    currency: str


async def moved(conn: AsyncConnection, order_no: str, action: str) -> Moved:
    """What `action` on the order's parked step would move; nothing where no step is parked."""
    row = (await conn.execute(_MOVED, {"order_no": order_no, "action": action})).one_or_none()
    return Moved(0, 0, "") if row is None else Moved(int(row.amount_minor), int(row.added_minor), str(row.currency))


async def undone(conn: AsyncConnection, order_no: str) -> int:
    """What undoing the order adds to what was given of it already."""
    return int((await conn.execute(_ADDED, {"order_no": order_no})).scalar_one())


async def given(conn: AsyncConnection, order_no: str) -> int:
    """What was given of this order so far."""
    return int((await conn.execute(_GIVEN, {"order_no": order_no})).scalar_one())


async def needs_two(
    conn: AsyncConnection, limits: Limits, order_no: str, what: Moved, actor: str | None, *, of_step: bool = False
) -> bool:
    """True when with this action more is given of the order, or by `actor` today, than one person may.

    `actor` None is a rule, which has no day. `of_step` for an action on the parked step: requests of others for the
    same step do not add up with it, as one of them resolves it.
    """
    if what.amount_minor <= 0:
        return False
    statement = _GIVEN_BEFORE if of_step else _GIVEN
    before = int((await conn.execute(statement, {"order_no": order_no})).scalar_one())
    if before + what.added_minor > limits.order_minor:
        return True
    if actor is None:
        return False
    return await beyond_day(conn, limits, actor, what.currency, what.added_minor, order_no if of_step else None)


async def beyond_day(
    conn: AsyncConnection, limits: Limits, actor: str, currency: str, amount_minor: int, but_order_no: str | None = None
) -> bool:
    """True when with this amount the person gives more on this day than they may alone.

    Their requests for the open step of `but_order_no` are not counted.
    """
    if not limits.staff_day_minor:
        return False
    await conn.execute(_LOCK_ACTOR, {"actor": actor})
    values = {"actor": actor, "currency": currency, "but_order_no": but_order_no}
    today = int((await conn.execute(_GIVEN_ALONE, values)).scalar_one())
    return today + amount_minor > limits.staff_day_minor
