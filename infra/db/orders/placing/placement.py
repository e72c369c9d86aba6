"""Accepting an order: one statement that looks, one that writes everything or nothing.

Orders that wait at the same time share a transaction (`infra.db.grouped_statements`); where that fails, and where the
database may refuse an order, each has its own.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import Conflict, RuleBroken
from domain.json_types import JsonValue
from domain.orders.delivery_slots import require_ahead
from domain.orders.lines import PricedLine, Product, price_lines
from domain.orders.order_no import new_order_no
from domain.orders.types import require_type
from domain.pricing.allocation import Priced
from domain.pricing.order_totals import charged
from domain.products import ProductKind
from infra.db import idempotency
from infra.db.autocommit import autocommit
from infra.db.customers.profiles import CustomerRecord, KeyRing, recorded
from infra.db.driver_types import DriverRow
from infra.db.engine import Database
from infra.db.grouped_statements import NotGrouped, Together
from infra.db.idempotency import Answered
from infra.db.orders.order_contacts import contact_id
from infra.db.orders.placing import on_terms, unpaid_limits
from infra.db.orders.placing import placement_values as values_of
from infra.db.orders.placing.drafts import NewOrder, Placed
from infra.db.orders.placing.placement_statements import FIND, PLACE
from infra.db.orders.placing.priced_by import rules_of
from infra.db.prepared import PreparedStatement
from infra.provider_rules import amounts

ROUNDS = 5
_DEADLOCK = "40P01"
# Another request wrote it first.
_LOST_RACES = frozenset(
    {"idempotency_keys_pkey", "orders_pkey", "order_external_ref", "customers_pkey", "receivables_purchase_order"}
)
_TOTAL = text("SELECT total_minor FROM orders WHERE order_no = :order_no")


@dataclass(frozen=True, slots=True)
class _OwnConnection:
    """A connection of the request's own, on which each statement is a transaction and waits as the server says."""

    conn: AsyncConnection
    patience = ""

    async def one_or_none(
        self, statement: PreparedStatement, values: Mapping[str, object], turn: str = ""
    ) -> DriverRow:
        return await statement.one_or_none(self.conn, values)


_Way = _OwnConnection | Together


async def place(database: Database, together: Together, keys: KeyRing, draft: NewOrder) -> Placed | Answered:
    """Keep the order, or find what an earlier request with the same key was answered.

    Raises RuleBroken (see `domain.orders.lines.price_lines`, `type_mismatch`, `idempotency_key_reused`,
    `invalid_delivery_slot`, and `infra.db.orders.placing.on_terms.granted`) and
    Conflict (`external_ref_exists`, `unpaid_limit_reached`, `idempotency_in_progress`, `draft_total_changed`), and the
    draft's `refused`.
    Nothing is written when it raises.
    """
    with together.holding(*_marks(draft)) as only:
        if only and not draft.unpaid_units and draft.on_terms is None:
            try:
                return await _rounds(together, keys, draft)
            except NotGrouped:
                pass
        async with autocommit(database) as conn:
            return await _rounds(_OwnConnection(conn), keys, draft)


def _marks(draft: NewOrder) -> list[tuple[str, ...]]:
    """Of two orders that share one of these, one is refused by the database or answered as the other."""
    marks: list[tuple[str, ...]] = [("key", draft.request.subject, draft.request.key)]
    if draft.external_ref is not None:
        marks.append(("external_ref", draft.channel, draft.external_ref))
    return marks


async def _rounds(way: _Way, keys: KeyRing, draft: NewOrder) -> Placed | Answered:
    for _ in range(ROUNDS):
        outcome = await _round(way, keys, draft)
        if outcome is not None:
            return outcome
    raise idempotency.in_progress()


async def _round(way: _Way, keys: KeyRing, draft: NewOrder) -> Placed | Answered | None:
    """Read and write once; None when another request came first and it is to be tried again."""
    row = await way.one_or_none(FIND, values_of.question(draft))
    if row.request_hash is not None:
        return await _earlier(way, keys, draft, row)
    if draft.refused:
        raise RuleBroken(draft.refused)
    if row.taken:
        raise Conflict(
            "external_ref_exists",
            "this channel already sent an order with this external_ref; look for it with GET /v1/orders?q=",
        )
    catalogue = _catalogue(row.products)
    lines = price_lines(draft.lines, catalogue, draft.currency, may_name_price=draft.may_name_price)
    require_type(draft.type, [ProductKind(catalogue[line.sku].kind) for line in lines])
    if draft.delivery_slot is not None:
        require_ahead(draft.delivery_slot, datetime.now(UTC), draft.slot_days_ahead)
    customer = recorded(keys, draft.customer_id, draft.profile, row.data_key, row.profile_enc, row.said_enc)
    return await _write(way, keys, draft, lines, customer, row.contacts)


async def _earlier(way: _Way, keys: KeyRing, draft: NewOrder, row: DriverRow) -> Placed | Answered | None:
    answered = idempotency.judged(row, draft.request, keys)
    if answered is not None:
        return answered
    if row.locked:
        raise idempotency.in_progress()
    if not isinstance(way, _OwnConnection):
        raise NotGrouped
    # The first run died while it waited; the order it made is answered from here.
    taken = await idempotency.claim(way.conn, keys, draft.request, draft.hold_s + values_of.GRACE_S)
    if isinstance(taken, Answered):
        return taken
    total = (await way.conn.execute(_TOTAL, {"order_no": taken.resource})).scalar_one()
    return Placed(str(taken.resource), draft.answer(str(taken.resource), total), taken)


async def _write(
    way: _Way,
    keys: KeyRing,
    draft: NewOrder,
    lines: list[PricedLine],
    customer: CustomerRecord,
    contacts: Sequence[bytes],
) -> Placed | None:
    order_no = new_order_no(time.time_ns() // 1_000_000)
    sums, total_minor = _total(draft, lines)
    if draft.on_terms is not None and isinstance(way, _OwnConnection):
        days = await on_terms.granted(way.conn, draft, total_minor)
        draft = replace(draft, on_terms=replace(draft.on_terms, terms_days=days))
    body = draft.answer(order_no, total_minor)
    values = values_of.order_values(keys, draft, order_no, total_minor, customer) | values_of.line_values(lines)
    values |= values_of.key_values(keys, draft, body) | {"patience": way.patience}
    values["contact_id"] = contact_id(customer.plain_key, draft.profile, draft.ship_to)
    contact_new = values["contact_id"] not in contacts
    if contact_new:
        values |= values_of.contact_values(keys, draft, customer)
    if sums is not None:
        values |= values_of.charge_values(sums) | {"priced_by": rules_of(draft)}
    kind = (
        *(customer.changed, contact_new, draft.payment is not None, sums is not None),
        *(draft.delivery_slot is not None, draft.on_terms is not None),
    )
    row = await _written(way, draft, PLACE[kind], values)
    if row is None:
        return None
    claim = idempotency.Claim(draft.request, row.locked_until, order_no) if draft.hold_s else None
    return Placed(order_no, body, claim)


def _total(draft: NewOrder, lines: list[PricedLine]) -> tuple[Priced | None, int]:
    """What is charged beside the lines, None where nothing is, and what the order costs."""
    costs = [line.total_minor for line in lines]
    sums = charged(costs, draft.terms, draft.currency, draft.discount_minor, draft.shipping_minor)
    total_minor = sums.total_minor if sums else sum(costs)
    if draft.shown_total_minor not in (None, total_minor):
        raise Conflict("draft_total_changed", total_minor=total_minor, currency=draft.currency)
    if draft.payment is not None:
        amounts.require_payable(draft.payment[0], total_minor, draft.currency)
    return sums, total_minor


async def _written(way: _Way, draft: NewOrder, statement: PreparedStatement, values: Mapping[str, object]) -> DriverRow:
    """The row that the statement gives; None when the loser of a race should look again."""
    try:
        return await way.one_or_none(statement, values, f"{draft.actor} {draft.customer_id}")
    except IntegrityError as error:
        on_terms.refuse(error)
        _again_or_raise(error)
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) != _DEADLOCK:
            raise
    except DBAPIError as error:
        on_terms.refuse(error)
        unpaid_limits.refuse(error, draft.unpaid_units)
        raise
    return None


def _again_or_raise(error: DBAPIError) -> None:
    """Return when the loser of a race should look again."""
    constraint = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
    if constraint not in _LOST_RACES:
        raise error


def _catalogue(rows: Iterable[Sequence[JsonValue]] | None) -> dict[str, Product]:
    return {row[0]: Product(*row) for row in rows or ()}
