"""What invoices and credit notes are made from: the order as it was sold, and the money that came and went back."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.documents import Amounts, Given, InvoiceLine, Replaced
from domain.errors import NotFound
from domain.orders.addresses import address_lines
from domain.payments.refunds import RefundStatus
from infra.db.customers.profiles import KeyRing, profile_context
from infra.db.orders.state.state_facts import load_facts
from infra.db.payments.refund_plans import MOVED, TAKEN

# The shipping charge is that of the lines: theirs stays as it was sold when a paid order is made smaller.
_ORDER = text(
    f"""
    SELECT o.order_no, o.currency, o.customer_id, o.ship_to_enc, c.data_key,
           CASE WHEN o.contact_corrected THEN k.profile_enc ELSE coalesce(s.profile_enc, c.profile_enc) END
             AS profile_enc,
           m.captured_minor, m.refunded_minor,
           o.capture = 'shipment' AS by_shipment,
           (SELECT sum(coalesce(taken.shipping, l.shipping_minor) - moved.shipping)
              FROM order_lines l CROSS JOIN {MOVED} LEFT JOIN {TAKEN}
             WHERE l.order_no = o.order_no)::bigint AS shipping_minor
      FROM orders o JOIN customers c USING (customer_id) LEFT JOIN customer_contacts s USING (customer_id, channel)
           LEFT JOIN order_contacts k USING (customer_id, contact_id),
           LATERAL (SELECT coalesce(sum(t.captured_minor) FILTER (WHERE p.purpose <> 'terms'), 0)::bigint
                             AS captured_minor,
                           (coalesce(sum(t.refunded_minor), 0) + (
                             SELECT coalesce(sum(lost_minor(d.payment_id)), 0) FROM disputes d
                              WHERE d.order_no = o.order_no))::bigint AS refunded_minor
                      FROM payments p JOIN payment_totals t USING (payment_id)
                     WHERE p.order_no = o.order_no AND p.purpose IN ('order', 'supplement', 'terms')) m
     WHERE o.order_no = :order_no
    """  # noqa: S608
)
# What was changed for other goods is sold as those: only they are on the invoice. The rest of its price is a discount.
# Of an order that is captured as it ships it is what was captured: of k of n units k/n of the tax, rounded up as the
# goods are.
_LINES = text(
    f"""
    SELECT line_no, sku, name, quantity, unit_price_minor,
           quantity * unit_price_minor + tax_added_minor - total_minor AS discount_minor, tax_minor, total_minor
      FROM (SELECT l.line_no, l.sku, l.name, coalesce(taken.units, l.quantity) - moved.units AS quantity,
                   l.unit_price_minor,
                   coalesce((l.tax_minor * taken.units + l.quantity - 1) / l.quantity, l.tax_minor) - moved.tax
                     AS tax_minor,
                   coalesce((l.tax_added_minor * taken.units + l.quantity - 1) / l.quantity, l.tax_added_minor)
                     - moved.tax_added AS tax_added_minor,
                   coalesce(taken.goods, l.paid_minor - l.shipping_minor) - moved.goods AS total_minor
              FROM order_lines l CROSS JOIN {MOVED} LEFT JOIN {TAKEN} WHERE l.order_no = :order_no) sold
     WHERE quantity > 0 ORDER BY line_no
    """  # noqa: S608
)
_REFUND = text(
    """
    SELECT r.refund_id, r.order_no, r.status, o.customer_id, o.channel
      FROM refunds r JOIN orders o USING (order_no) WHERE r.refund_id = :refund_id
    """
)
_GIVEN = text(
    """
    SELECT line_no, quantity, amount_minor - shipping_minor AS goods_minor, shipping_minor
      FROM refund_lines WHERE refund_id = :refund_id ORDER BY line_no
    """
)
# Goods that took the place of others. What they cost more was paid on top, and is on an invoice of its own.
_REPLACED = text(
    """
    SELECT n.line_no, array_agg(l.line_no ORDER BY l.line_no) AS predecessors
      FROM order_changes c JOIN order_change_lines n USING (order_no, change_no)
      JOIN order_change_lines l USING (order_no, change_no)
     WHERE c.order_no = :order_no AND n.quantity_delta > 0 AND l.kept_line AND l.line_no < n.line_no GROUP BY n.line_no
    """
)
# What goods were sold for of which an invoice has only what was paid on top.
_SOLD = text(
    """
    SELECT c.line_no, c.items_minor + c.tax_added_minor AS sold_minor
      FROM documents d JOIN change_payments s ON s.order_no = d.order_no AND s.payment_no = d.supplement_no
      JOIN order_change_lines c ON c.order_no = s.order_no AND c.change_no = s.change_no
     WHERE d.order_no = :order_no AND c.quantity_delta > 0
    """
)
_REFUNDS = text(
    """
    SELECT refund_id, amount_minor, currency, created_at FROM refunds
     WHERE order_no = :order_no AND status = 'succeeded' ORDER BY refund_no
    """
)


@dataclass(frozen=True, slots=True)
class Sale:
    """An order as its invoice needs it; `refunded_minor` has what lost disputes took too. `buyer` is
    `{title, address}`, empty where the customer was erased. `awaits_shipment`: the rest is captured when it ships."""

    currency: str
    captured_minor: int
    refunded_minor: int
    amounts: Amounts
    buyer: dict[str, str]
    awaits_shipment: bool = False


@dataclass(frozen=True, slots=True)
class Refund:
    """A refund as its credit note needs it."""

    refund_id: str
    order_no: str
    status: RefundStatus
    customer_id: str
    channel: str


async def sale(conn: AsyncConnection, keys: KeyRing, order_no: str) -> Sale:
    """The order, which is there and locked by the caller."""
    row = (await conn.execute(_ORDER, {"order_no": order_no})).mappings().one()
    lines = [InvoiceLine(**line._mapping) for line in await conn.execute(_LINES, {"order_no": order_no})]
    amounts = Amounts(lines, row["shipping_minor"])
    waits = row["by_shipment"] and (await load_facts(conn, order_no)).awaits_shipment
    return Sale(row["currency"], row["captured_minor"], row["refunded_minor"], amounts, _buyer(keys, row), waits)


def _buyer(keys: KeyRing, row: RowMapping) -> dict[str, str]:
    """The customer's name and the address that the order went to, in one line as in its country."""
    key = row["data_key"]
    profile = keys.open_json(key, row["profile_enc"], profile_context(row["customer_id"])) or {}
    ship_to = keys.open_json(key, row["ship_to_enc"], f"{row['order_no']}:ship_to") or {}
    written = (" " if ship_to.get("country") == "CN" else ", ").join(address_lines(ship_to))
    buyer = {"title": profile.get("name") or ship_to.get("name"), "address": written}
    return {field: value for field, value in buyer.items() if value}


async def refund(conn: AsyncConnection, refund_id: str) -> Refund:
    """One refund. Raises NotFound `refund_not_found`."""
    row = (await conn.execute(_REFUND, {"refund_id": refund_id})).one_or_none()
    if row is None:
        raise NotFound("refund_not_found")
    return Refund(**{**row._mapping, "status": RefundStatus(row.status)})


async def given(conn: AsyncConnection, refund_id: str) -> list[Given]:
    """What the refund gives back, line by line."""
    return [Given(**row._mapping) for row in await conn.execute(_GIVEN, {"refund_id": refund_id})]


async def replaced(conn: AsyncConnection, order_no: str) -> Replaced:
    """Which goods of the order took the place of others."""
    predecessors = {
        row.line_no: list(row.predecessors) for row in await conn.execute(_REPLACED, {"order_no": order_no})
    }
    sold = {row.line_no: row.sold_minor for row in await conn.execute(_SOLD, {"order_no": order_no})}
    return Replaced(predecessors, sold)


@dataclass(frozen=True, slots=True)
class PaidRefund:
    """A refund that was paid."""

    refund_id: str
    amount_minor: int
    currency: str
    created_at: datetime


async def paid_refunds(conn: AsyncConnection, order_no: str) -> list[PaidRefund]:
    """The order's refunds that were paid, oldest first: each may have a credit note."""
    return [PaidRefund(**row) for row in (await conn.execute(_REFUNDS, {"order_no": order_no})).mappings()]
