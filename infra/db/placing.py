"""Accepting an order: one statement that looks, one that writes everything or nothing."""

import itertools
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import Conflict, RuleBroken, amounts_in
from domain.order_no import new_order_no
from domain.orders import PricedLine, Product, RequestedLine, price_lines
from domain.shares import Priced, Rules, Tax, Terms, priced
from domain.slots import Slot, require_ahead
from infra import amounts
from infra.db import idempotency, unpaid
from infra.db.autocommit import autocommit
from infra.db.customers import CustomerRecord, KeyRing, recorded
from infra.db.direct import Direct
from infra.db.engine import Database
from infra.db.idempotency import Answered
from infra.db.order_contacts import contact_id, named

ROUNDS = 5
# A first run that waits for its order keeps its key this much longer than it waits.
GRACE_S = 10.0
_DEADLOCK = "40P01"
PLAIN = Terms()

_LOOK = Direct(
    "SELECT idempotency_keys, customers, products",
    """
    SELECT k.request_hash, k.state, k.status_code, k.response, k.response_enc, k.order_no, k.resource,
           k.locked_until > now() AS locked, c.data_key, c.profile_enc, s.profile_enc AS said_enc,
           EXISTS (SELECT FROM orders o WHERE o.channel = :channel
                      AND o.external_ref = CAST(:external_ref AS text)) AS taken,
           (SELECT json_agg(json_build_array(p.sku, p.name, p.price_minor, p.currency, p.active))
              FROM products p WHERE p.sku = ANY(CAST(:skus AS text[]))) AS products,
           ARRAY(SELECT n.contact_id FROM order_contacts n WHERE n.customer_id = :customer_id LIMIT 8) AS contacts
      FROM (VALUES (1)) one
      LEFT JOIN idempotency_keys k ON k.subject = :subject AND k.key = :key
      LEFT JOIN customers c ON c.customer_id = :customer_id
      LEFT JOIN customer_contacts s ON s.customer_id = :customer_id AND s.channel = :channel
    """,
)

# No row comes back when a concurrent request gave this customer another key: what is sealed here would be lost.
_CUSTOMER = """
    customer AS (
      INSERT INTO customers AS c (customer_id, data_key, profile_enc, email_index, phone_index)
      VALUES (:customer_id, CAST(:data_key AS bytea), CAST(:profile_enc AS bytea), CAST(:email_index AS bytea),
              CAST(:phone_index AS bytea))
      ON CONFLICT (customer_id) DO UPDATE
         SET data_key = excluded.data_key, profile_enc = excluded.profile_enc, email_index = excluded.email_index,
             phone_index = excluded.phone_index, updated_at = now()
       WHERE c.data_key IS NULL OR c.data_key = excluded.data_key
      RETURNING c.customer_id),
    contact AS (
      INSERT INTO customer_contacts AS s (customer_id, channel, profile_enc, email_index, phone_index)
      SELECT customer.customer_id, :channel, CAST(:profile_enc AS bytea), CAST(:email_index AS bytea),
             CAST(:phone_index AS bytea)
        FROM customer
      ON CONFLICT (customer_id, channel) DO UPDATE
         SET profile_enc = excluded.profile_enc, email_index = excluded.email_index,
             phone_index = excluded.phone_index, updated_at = now()),"""
_KNOWN = """
    customer AS (
      SELECT customer_id FROM customers
       WHERE customer_id = :customer_id AND data_key = CAST(:data_key AS bytea)),"""
# One row serves all orders that name the same: a customer who orders again writes none, and most are seen at the look.
_NAMED = """
    named AS (
      INSERT INTO order_contacts (customer_id, contact_id, profile_enc, terms)
      SELECT customer.customer_id, CAST(:contact_id AS bytea), CAST(:contact_enc AS bytea), CAST(:terms AS bytea[])
        FROM customer
      ON CONFLICT DO NOTHING),"""
_PAYMENT = """
    payment AS (
      INSERT INTO payment_requests (request_id, order_no, attempt, method, token, actor)
      SELECT CAST(:request_id AS text), placed.order_no, 1, CAST(:method AS text), CAST(:token AS text),
             CAST(:actor AS text)
        FROM placed),"""
# Triggers run when the statement ends, and find there where the caller spoke from. What an order carries beside its
# lines is written only where it carries something.
_ORDER = """
    placed AS (
      INSERT INTO orders (order_no, channel, external_ref, type, customer_id, currency, items_minor, total_minor,
                          country, province, city, ship_to_enc, note_enc, backorder, placed_by, trace,
                          priority, contact_id{slot_columns}{columns})
      SELECT :order_no, :channel, CAST(:external_ref AS text), :type, customer.customer_id, :currency,
             CAST({items} AS bigint), CAST(:total_minor AS bigint), :country, :province, :city,
             CAST(:ship_to_enc AS bytea), CAST(:note_enc AS bytea), CAST(:backorder AS boolean),
             CAST(:actor AS text), CAST(:trace AS text), CAST(:priority AS smallint),
             CAST(:contact_id AS bytea){slot}{values}
        FROM customer
      RETURNING order_no, set_config('oms.origin', :origin, true),
                set_config('oms.unpaid_units', :unpaid_units, true)),"""
_LINES = """
    lines AS (
      INSERT INTO order_lines (order_no, line_no, sku, name, quantity, unit_price_minor{columns})
      SELECT placed.order_no, l.line_no, l.sku, l.name, l.quantity, l.price{shares}
        FROM placed, unnest(CAST(:skus AS text[]), CAST(:names AS text[]), CAST(:quantities AS bigint[]),
                            CAST(:prices AS bigint[]){arrays})
                     WITH ORDINALITY AS l (sku, name, quantity, price{named}, line_no)),
    kept AS (
      INSERT INTO idempotency_keys
        (subject, key, request_hash, state, status_code, response_enc, resource, locked_until)
      SELECT :subject, :key, CAST(:hash AS bytea), :state, 201, CAST(:response_enc AS bytea), placed.order_no,
             now() + make_interval(secs => CAST(:hold_s AS double precision))
        FROM placed
      RETURNING locked_until)
    SELECT placed.order_no, kept.locked_until FROM placed, kept"""


_SHARED = ("discount", "shipping", "tax", "tax_added")


def _statement(customer_changed: bool, contact_new: bool, pays: bool, charged: bool, slotted: bool) -> Direct:
    names = _SHARED if charged else ()
    columns = "".join(f", {name}_minor" for name in names)
    rules = (", priced_by", ", CAST(:priced_by AS jsonb)") if charged else ("", "")
    order = _ORDER.format(
        slot_columns=", slot_from, slot_to" if slotted else "",
        slot=", CAST(:slot_from AS timestamptz), CAST(:slot_to AS timestamptz)" if slotted else "",
        columns=columns + rules[0],
        items=":items_minor" if charged else ":total_minor",
        values="".join(f", CAST(:{name}_minor AS bigint)" for name in names) + rules[1],
    )
    lines = _LINES.format(
        columns=columns,
        shares="".join(f", l.{name}" for name in names),
        arrays="".join(f", CAST(:{name}_shares AS bigint[])" for name in names),
        named="".join(f", {name}" for name in names),
    )
    customer = _CUSTOMER if customer_changed else _KNOWN
    parts = (customer, _NAMED if contact_new else "", order, _PAYMENT if pays else "", lines)
    return Direct("INSERT orders", "WITH" + "".join(parts))


# Fixed statements, so that each is compiled and prepared once.
_PLACE = {key: _statement(*key) for key in itertools.product((False, True), repeat=5)}


@dataclass(frozen=True, slots=True)
class Draft:
    """An order as asked for. `answer` makes the 201 body from the order number and the total in minor units;
    `hold_s` is how long the caller waits for the order before he is answered (0: not at all). A channel may name the
    order's discount and its shipping charge; `terms` are the shop's. `unpaid_units` bounds what a customer may hold
    unpaid (0: nothing is bounded). `refused` is the code with which no new order is kept now."""

    request: idempotency.Request
    actor: str
    channel: str
    external_ref: str | None
    type: str
    currency: str
    customer_id: str
    profile: Mapping[str, str | None]
    ship_to: Mapping[str, str]
    note: str | None
    backorder: bool
    payment: tuple[str, str] | None
    lines: Sequence[RequestedLine]
    may_name_price: bool
    trace: str | None
    answer: Callable[[str, int], dict[str, Any]]
    hold_s: float = 0.0
    priority: int = 0
    discount_minor: int = 0
    shipping_minor: int | None = None
    terms: Terms = PLAIN
    delivery_slot: Slot | None = None
    slot_days_ahead: int = 0
    unpaid_units: int = 0
    refused: str = ""

    @property
    def plain(self) -> bool:
        """True when the order costs just what its lines cost, whatever they are."""
        return not (self.discount_minor or self.shipping_minor) and self.terms == PLAIN


@dataclass(frozen=True, slots=True)
class Placed:
    """A kept order and the body to answer with; `claim` is held while the caller waits."""

    order_no: str
    body: dict[str, Any]
    claim: idempotency.Claim | None


async def place(database: Database, keys: KeyRing, draft: Draft) -> Placed | Answered:
    """Keep the order, or find what an earlier request with the same key was answered.

    Raises RuleBroken (see `domain.orders.price_lines`, `idempotency_key_reused`, `invalid_delivery_slot`) and Conflict
    (`external_ref_exists`, `unpaid_limit_reached`, `idempotency_in_progress`), and the draft's `refused`.
    Nothing is written when it raises.
    """
    async with autocommit(database) as conn:
        for _ in range(ROUNDS):
            outcome = await _round(conn, keys, draft)
            if outcome is not None:
                return outcome
    raise idempotency.in_progress()


async def _round(conn: AsyncConnection, keys: KeyRing, draft: Draft) -> Placed | Answered | None:
    """Look and write once; None when somebody else was quicker and it is to be tried again."""
    row = await _LOOK.one_or_none(conn, _question(draft))
    if row.request_hash is not None:
        return await _earlier(conn, keys, draft, row)
    if draft.refused:
        raise RuleBroken(draft.refused)
    if row.taken:
        raise Conflict(
            "external_ref_exists",
            "this channel already sent an order with this external_ref; look for it with GET /v1/orders?q=",
        )
    lines = price_lines(draft.lines, _catalogue(row.products), draft.currency, may_name_price=draft.may_name_price)
    if draft.delivery_slot is not None:
        require_ahead(draft.delivery_slot, datetime.now(UTC), draft.slot_days_ahead)
    customer = recorded(keys, draft.customer_id, draft.profile, row.data_key, row.profile_enc, row.said_enc)
    return await _write(conn, keys, draft, lines, customer, row.contacts)


async def _earlier(conn: AsyncConnection, keys: KeyRing, draft: Draft, row: Any) -> Placed | Answered | None:
    answered = idempotency.judged(row, draft.request, keys)
    if answered is not None:
        return answered
    if row.locked:
        raise idempotency.in_progress()
    # The first run died while it waited; the order it made is answered from here.
    taken = await idempotency.claim(conn, keys, draft.request, draft.hold_s + GRACE_S)
    if isinstance(taken, Answered):
        return taken
    total = (await conn.execute(_TOTAL, {"order_no": taken.resource})).scalar_one()
    return Placed(str(taken.resource), draft.answer(str(taken.resource), total), taken)


_TOTAL = text("SELECT total_minor FROM orders WHERE order_no = :order_no")


async def _write(
    conn: AsyncConnection,
    keys: KeyRing,
    draft: Draft,
    lines: list[PricedLine],
    customer: CustomerRecord,
    contacts: Sequence[bytes],
) -> Placed | None:
    order_no = new_order_no(time.time_ns() // 1_000_000)
    costs = [line.total_minor for line in lines]
    items_minor = sum(costs)
    sums = None
    if not draft.plain:
        charges = draft.terms.charges(items_minor, draft.discount_minor, draft.shipping_minor)
        with amounts_in(draft.currency):
            sums = priced(costs, charges)
    total_minor = items_minor if sums is None else sums.total_minor
    if draft.payment is not None:
        amounts.require_payable(draft.payment[0], total_minor, draft.currency)
    body = draft.answer(order_no, total_minor)
    values = _order(keys, draft, order_no, total_minor, customer) | _lines(lines) | _kept(keys, draft, body)
    values["contact_id"] = contact_id(customer.plain_key, draft.profile, draft.ship_to)
    contact_new = values["contact_id"] not in contacts
    if contact_new:
        values |= _named(keys, draft, customer)
    if sums is not None:
        values |= _charged(sums) | {"priced_by": _rules(draft)}
    try:
        pays, slotted = draft.payment is not None, draft.delivery_slot is not None
        kind = (customer.changed, contact_new, pays, sums is not None, slotted)
        row = await _PLACE[kind].one_or_none(conn, values)
    except IntegrityError as error:
        _again_or_raise(error)
        return None
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) != _DEADLOCK:
            raise
        return None
    except DBAPIError as error:
        unpaid.refuse(error, draft.unpaid_units)
        raise
    if row is None:
        return None
    claim = idempotency.Claim(draft.request, row.locked_until, order_no) if draft.hold_s else None
    return Placed(order_no, body, claim)


def _again_or_raise(error: DBAPIError) -> None:
    """Return when the loser of a race should look again."""
    constraint = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
    if constraint not in ("idempotency_keys_pkey", "orders_pkey", "order_external_ref", "customers_pkey"):
        raise error


def _question(draft: Draft) -> dict[str, Any]:
    return {
        "subject": draft.request.subject,
        "key": draft.request.key,
        "customer_id": draft.customer_id,
        "channel": draft.channel,
        "external_ref": draft.external_ref,
        "skus": list({line.sku for line in draft.lines}),
    }


def _catalogue(rows: Iterable[Sequence[Any]] | None) -> dict[str, Product]:
    return {row[0]: Product(*row) for row in rows or ()}


def _order(keys: KeyRing, draft: Draft, order_no: str, total_minor: int, customer: CustomerRecord) -> dict[str, Any]:
    seal, key = keys.vault.seal_json, customer.plain_key
    values: dict[str, Any] = {
        "order_no": order_no,
        "channel": draft.channel,
        "external_ref": draft.external_ref,
        "type": draft.type,
        "customer_id": draft.customer_id,
        "data_key": customer.data_key,
        "currency": draft.currency,
        "total_minor": str(total_minor),
        "country": draft.ship_to["country"],
        "province": draft.ship_to["province"],
        "city": draft.ship_to["city"],
        "ship_to_enc": seal(key, draft.ship_to, f"{order_no}:ship_to"),
        "note_enc": seal(key, draft.note, f"{order_no}:note") if draft.note else None,
        "backorder": draft.backorder,
        "actor": draft.actor,
        "trace": draft.trace,
        "priority": str(draft.priority),
        "unpaid_units": str(draft.unpaid_units),
    }
    if draft.delivery_slot is not None:
        values |= {"slot_from": draft.delivery_slot.start, "slot_to": draft.delivery_slot.end}
    if customer.changed:
        values |= {
            "profile_enc": customer.profile_enc,
            "email_index": customer.email_index,
            "phone_index": customer.phone_index,
        }
    if draft.payment is not None:
        values["method"], values["token"] = draft.payment
        values["request_id"] = f"{order_no}:1"
    return values


def _named(keys: KeyRing, draft: Draft, customer: CustomerRecord) -> dict[str, Any]:
    contact = named(keys, customer.plain_key, draft.customer_id, draft.profile, draft.ship_to)
    return {"contact_enc": contact.profile_enc, "terms": contact.terms}


def _lines(lines: Sequence[PricedLine]) -> dict[str, Any]:
    """Numbers go as array literals: as lists, their types (and with them the plan) would vary with their size."""
    return {
        "skus": [line.sku for line in lines],
        "names": [line.name for line in lines],
        "quantities": "{" + ",".join(str(line.quantity) for line in lines) + "}",
        "prices": "{" + ",".join(str(line.unit_price_minor) for line in lines) + "}",
    }


def _rules(draft: Draft) -> str:
    """By what the order is priced anew when it is changed before it is paid."""
    terms = draft.terms
    kept = {
        "discount_minor": draft.discount_minor,
        "shipping_minor": draft.shipping_minor,
        "fee_minor": terms.fee_minor,
        "free_from_minor": terms.free_from_minor,
        "tax_rate_bp": terms.tax.rate_bp,
        "tax_included": terms.tax.included,
    }
    return json.dumps(kept)


def rules_kept(kept: Mapping[str, Any]) -> Rules:
    """The rules as an order keeps them."""
    tax = Tax(kept["tax_rate_bp"], kept["tax_included"])
    terms = Terms(kept["fee_minor"], kept["free_from_minor"], tax)
    return Rules(kept["discount_minor"], kept["shipping_minor"], terms)


def _charged(sums: Priced) -> dict[str, Any]:
    values = {"items_minor": str(sums.items_minor)}
    for name in _SHARED:
        values[f"{name}_minor"] = str(getattr(sums, f"{name}_minor"))
        shared = ",".join(str(getattr(share, f"{name}_minor")) for share in sums.shares)
        values[f"{name}_shares"] = "{" + shared + "}"
    return values


def _kept(keys: KeyRing, draft: Draft, body: dict[str, Any]) -> dict[str, Any]:
    waits = draft.hold_s > 0
    return {
        "subject": draft.request.subject,
        "key": draft.request.key,
        "hash": draft.request.hash,
        "origin": draft.request.origin,
        "state": "running" if waits else "done",
        "response_enc": None if waits else idempotency.sealed(keys, draft.request, body),
        "hold_s": str(draft.hold_s + GRACE_S),
    }
