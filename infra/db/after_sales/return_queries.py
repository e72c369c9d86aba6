"""Reading returns for people: one, a list, those of an order."""

from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.after_sales.returns import NOT_COUNTED, rma_no
from domain.errors import NotFound
from domain.json_types import JsonFields
from infra.db.after_sales.return_fields import ReturnFields, WholeReturn
from infra.db.customers.profiles import KeyRing
from infra.db.literals import literals

_FOUND = """(SELECT coalesce(json_object_agg(f.condition, f.quantity), '{{}}') FROM return_inspections f
              WHERE f.return_id = l.return_id AND f.line_no = l.line_no AND f.stage = '{stage}')"""
# Pieces of this return for which support gave money back beside it: those beyond what the line has without them.
_REFUNDED = f"""(SELECT json_build_object('quantity', sum(d.units), 'amount_minor', sum(d.minor)::bigint,
                                         'currency', trim(min(d.currency)))
     FROM (SELECT s.units, s.currency, div(s.minor * s.units, s.refunded) AS minor
             FROM (SELECT f.currency, sum(n.quantity) AS refunded, sum(n.amount_minor)::bigint AS minor,
                          least(l.quantity, sum(n.quantity),
                                o.returned_quantity + sum(n.quantity) - (o.quantity - o.cancelled_quantity)) AS units
                     FROM return_lines l JOIN order_lines o ON o.order_no = l.order_no AND o.line_no = l.line_no
                     JOIN refunds f ON f.order_no = l.order_no AND f.origin = 'support'
                                   AND f.status IN ('approved', 'succeeded')
                     JOIN refund_lines n ON n.refund_id = f.refund_id AND n.line_no = l.line_no AND n.quantity > 0
                    WHERE l.return_id = r.return_id AND r.status NOT IN ({literals(NOT_COUNTED)})
                    GROUP BY f.currency, l.line_no, l.quantity, o.line_no, o.returned_quantity, o.quantity,
                             o.cancelled_quantity) s
            WHERE s.units > 0) d HAVING sum(d.units) > 0)"""  # noqa: S608
# Of the row `r` of returns; times inside JSON are cast to UTC, `_fields` marks them so. Nothing of it is personal.
_BODY = f"""json_build_object('return_id', r.return_id, 'return_no', r.return_no, 'order_no', r.order_no,
  'status', r.status, 'resolution', r.resolution, 'reason_code', r.reason_code, 'warehouse', r.warehouse,
  'deadline', r.deadline AT TIME ZONE 'UTC', 'remind_at', r.remind_at AT TIME ZONE 'UTC',
  'reminded_at', r.reminded_at AT TIME ZONE 'UTC', 'default_outcome', r.default_outcome, 'label', r.label,
  'carrier', r.carrier, 'tracking_no', r.tracking_no, 'parcel', r.parcel, 'settled', r.settled,
  'created_at', r.created_at AT TIME ZONE 'UTC', 'updated_at', r.updated_at AT TIME ZONE 'UTC',
  'refund', (SELECT json_build_object('refund_id', f.refund_id, 'amount_minor', f.amount_minor, 'currency', f.currency,
                                      'status', f.status) FROM refunds f WHERE f.return_id = r.return_id),
  'already_refunded', {_REFUNDED},
  'exchange', (SELECT json_build_object('order_no', x.new_order_no, 'status', x.status, 'advance', x.advance,
                                        'used_minor', x.used_minor,
                                        'guarantee', (SELECT json_build_object('amount_minor', u.amount_minor,
                                                               'currency', u.currency, 'status', u.status,
                                                               'claim_minor', u.claim_minor)
                                                        FROM guarantees u WHERE u.return_id = x.return_id),
                                        'lines', coalesce((
                         SELECT json_agg(json_build_object('sku', w.sku, 'quantity', w.quantity,
                                  'unit_price_minor', w.unit_price_minor) ORDER BY w.line_no)
                           FROM exchange_lines w WHERE w.return_id = x.return_id), '[]'))
                 FROM exchanges x WHERE x.return_id = r.return_id),
  'lines', (SELECT json_agg(json_build_object('line_no', l.line_no, 'sku', l.sku, 'quantity', l.quantity,
                     'received', {_FOUND.format(stage="received")}, 'inspected', {_FOUND.format(stage="inspected")})
                     ORDER BY l.line_no)
              FROM return_lines l WHERE l.return_id = r.return_id))"""  # noqa: S608
_TIMES = ("deadline", "remind_at", "reminded_at", "created_at", "updated_at")

_ONE = text(
    f"""
    SELECT {_BODY} AS body, r.reason_enc, r.photographs_enc, r.answer_enc,
           c.data_key, o.customer_id, o.channel
      FROM returns r JOIN orders o USING (order_no) JOIN customers c USING (customer_id)
     WHERE r.return_id = :return_id
    """  # noqa: S608
)
_PAGE = text(
    f"""
    SELECT {_BODY} AS body, r.created_at
      FROM returns r
     WHERE (CAST(:status AS text) IS NULL OR r.status = :status)
       AND (CAST(:order_no AS text) IS NULL OR r.order_no = :order_no)
       AND (CAST(:before AS timestamptz) IS NULL
            OR (r.created_at, r.return_id) < (CAST(:before AS timestamptz), :before_id))
     ORDER BY r.created_at DESC, r.return_id DESC LIMIT :limit + 1
    """  # noqa: S608
)
_OF_ORDER = text(
    f"SELECT {_BODY} AS body FROM returns r WHERE r.order_no = :order_no ORDER BY r.return_no"  # noqa: S608
)
_LABEL = text(
    """
    SELECT b.format, b.content_enc, c.data_key FROM return_labels b JOIN returns r USING (return_id)
      JOIN orders o USING (order_no) JOIN customers c USING (customer_id)
     WHERE b.return_id = :return_id AND r.label = 'booked'
    """
)


@dataclass(frozen=True, slots=True)
class ReturnFilter:
    """Which returns: of a status, of an order, before the last of a page."""

    status: str | None
    order_no: str | None
    before: tuple[datetime, str] | None
    limit: int


@dataclass(frozen=True, slots=True)
class ReturnRow:
    """A return of a page; `created` is the exact moment for the next page."""

    body: ReturnFields
    created: datetime


@dataclass(frozen=True, slots=True)
class ReturnDetail:
    """A return as people read it, and whose it is."""

    body: WholeReturn
    customer_id: str
    channel: str


async def one(conn: AsyncConnection, keys: KeyRing, return_id: str) -> ReturnDetail:
    """The whole return, its texts opened (None where their key is gone). Raises NotFound `return_not_found`."""
    row = (await conn.execute(_ONE, {"return_id": return_id})).one_or_none()
    if row is None:
        raise NotFound("return_not_found")
    photographs = keys.open_json(row.data_key, row.photographs_enc, f"{return_id}:photographs")
    body: WholeReturn = {
        **_fields(row.body),
        "reason": keys.open_json(row.data_key, row.reason_enc or None, f"{return_id}:reason"),
        "photographs": photographs or [],
        "answer": keys.open_json(row.data_key, row.answer_enc, f"{return_id}:answer"),
    }
    return ReturnDetail(body, row.customer_id, row.channel)


async def of_order(conn: AsyncConnection, order_no: str) -> list[ReturnFields]:
    """The order's returns, oldest first."""
    return [_fields(row.body) for row in await conn.execute(_OF_ORDER, {"order_no": order_no})]


async def page(conn: AsyncConnection, filters: ReturnFilter) -> list[ReturnRow]:
    """At most `limit` + 1 returns, the newest first."""
    before, before_id = filters.before or (None, "")
    values = {"status": filters.status, "order_no": filters.order_no, "limit": filters.limit}
    rows = await conn.execute(_PAGE, {**values, "before": before, "before_id": before_id})
    return [ReturnRow(_fields(row.body), row.created_at) for row in rows]


async def label_of(conn: AsyncConnection, keys: KeyRing, return_id: str) -> tuple[str, bytes]:
    """(format, document) of the label that we booked. Raises NotFound `label_not_found`."""
    row = (await conn.execute(_LABEL, {"return_id": return_id})).one_or_none()
    if row is None or row.data_key is None:
        raise NotFound("label_not_found", "there is no label for this return; it may be sent by a carrier of one's own")
    return row.format, keys.vault.open(keys.unwrap(row.data_key), bytes(row.content_enc), f"{return_id}:label")


def _fields(body: JsonFields) -> ReturnFields:
    """The fields, their times marked as UTC, with the number that names it among all returns."""
    body["rma_no"] = rma_no(body["order_no"], body["return_no"])
    for name in _TIMES:
        if body[name] is not None:
            body[name] = f"{body[name]}Z"
    return cast(ReturnFields, body)
