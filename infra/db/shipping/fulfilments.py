"""Fulfilments as people look at them: those of an order, and lists for a warehouse."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.json_types import JsonFields
from domain.shipping.fulfilments import FulfilmentKind, FulfilmentStatus, Part
from domain.shipping.lateness import Lateness
from infra.db.orders.replaced_parcels import ARRIVED
from infra.db.orders.searching.lateness import LATENESS
from infra.db.shipping.shipments import PartRef

# Of the fulfilment that the statement calls `f`: its lines, and its newest parcel.
_LINES = """(SELECT json_agg(json_build_object('line_no', n.line_no, 'sku', l.sku, 'quantity', n.quantity)
                     ORDER BY n.line_no)
              FROM fulfilment_lines n JOIN order_lines l USING (order_no, line_no)
             WHERE n.order_no = f.order_no AND n.number = f.number)"""
_PARCEL = """(SELECT s.shipment_id FROM shipments s
             WHERE s.order_no = f.order_no AND s.fulfilment_no = f.number AND s.status <> 'cancelled'
             ORDER BY s.replaced_at IS NOT NULL, s.created_at DESC LIMIT 1)"""
# The fulfilments of the order that the statement calls `o`, as one column.
COLUMN = f"""(SELECT json_agg(json_build_object('fulfilment_id', f.fulfilment_id, 'number', f.number,
                     'warehouse', f.warehouse, 'status', f.status, 'kind', f.kind,
                     'lines', coalesce({_LINES}, '[]'),
                     'shipment_id', {_PARCEL}, 'promised_to', f.promised_to AT TIME ZONE 'UTC') ORDER BY f.number)
              FROM fulfilments f WHERE f.order_no = o.order_no) AS fulfilments"""  # noqa: S608
# Units of the order's line `l` whose part was given up, and whose parcel did not arrive all the same.
GIVEN_UP = """coalesce((
    SELECT sum(n.quantity) FROM fulfilment_lines n JOIN fulfilments f USING (order_no, number)
     WHERE n.order_no = l.order_no AND n.line_no = l.line_no AND f.status = 'cancelled'
       AND NOT EXISTS (SELECT FROM shipments s WHERE s.order_no = f.order_no AND s.fulfilment_no = f.number
                          AND s.status = 'delivered')), 0)"""
_PAGE = f"""
    SELECT f.fulfilment_id, f.order_no, f.number, f.warehouse, f.status, f.kind, f.promised_to, f.created_at,
           f.updated_at,
           coalesce({_LINES}, '[]') AS lines, {_PARCEL} AS shipment_id, {LATENESS} AS late
      FROM fulfilments f
     WHERE f.fulfilment_id > :after
       AND (CAST(:warehouse AS text) IS NULL OR f.warehouse = CAST(:warehouse AS text))
       AND f.status = ANY(CAST(:statuses AS text[])) AND {{which}}
       AND (CAST(:late AS text[]) IS NULL OR {LATENESS} = ANY(CAST(:late AS text[])))
     ORDER BY f.fulfilment_id LIMIT :limit
    """  # noqa: S608
# What is not over is few, and has an index of its own.
_PAGE_OF_OPEN = text(_PAGE.format(which="f.status NOT IN ('delivered', 'cancelled')"))
_PAGE_OF_ALL = text(_PAGE.format(which="true"))
_LATE = text(
    f"""SELECT count(*) FROM (SELECT FROM fulfilments f WHERE f.status NOT IN ('delivered', 'cancelled')
                                AND {LATENESS} IS NOT NULL LIMIT :most) late"""  # noqa: S608
)
_PARTS = text(
    """SELECT number, warehouse, status, due_at, kind FROM fulfilments
        WHERE order_no = :order_no ORDER BY number FOR UPDATE"""
)
_SET_DUE = text(
    "UPDATE fulfilments SET due_at = :due_at, updated_at = now() WHERE order_no = :order_no AND number = :number"
)
_NAMED = text("SELECT number FROM fulfilments WHERE order_no = :order_no AND fulfilment_id = :fulfilment_id")
_DELIVER = text(
    """UPDATE fulfilments SET status = 'delivered', updated_at = now()
        WHERE order_no = :order_no AND number = :number AND status <> 'cancelled'"""
)
_ARRIVED = text(
    f"""SELECT a.shipment_id FROM orders o, LATERAL ({ARRIVED} AND x.fulfilment_no = :number) a
        WHERE o.order_no = :order_no ORDER BY a.shipment_id LIMIT 1"""  # noqa: S608
)
_OTHERS_LEFT = text(
    """
    SELECT EXISTS (SELECT FROM fulfilments f JOIN fulfilments x USING (order_no)
                    WHERE f.order_no = :order_no AND f.fulfilment_id = :fulfilment_id AND x.number <> f.number
                      AND x.status IN ('shipped', 'delivered'))
    """
)
_HAS_OTHERS = text(
    """
    SELECT EXISTS (SELECT FROM fulfilments x
                    WHERE x.order_no = :order_no AND x.number <> :number AND x.status <> 'cancelled')
    """
)
_ANY_LEFT = text(
    "SELECT EXISTS (SELECT FROM fulfilments WHERE order_no = :order_no AND status IN ('shipped', 'delivered'))"
)
_OVER = (FulfilmentStatus.DELIVERED, FulfilmentStatus.CANCELLED)


class FulfilmentLine(TypedDict):
    """How much of a line of the order a fulfilment has."""

    line_no: int
    sku: str
    quantity: int


class FulfilmentFields(TypedDict):
    """A fulfilment of an order; `shipment_id` is its newest parcel."""

    fulfilment_id: str
    number: int
    warehouse: str
    status: str
    kind: str
    lines: list[FulfilmentLine]
    shipment_id: str | None
    promised_to: str | None


def promised_to(parts: Sequence[FulfilmentFields]) -> datetime | None:
    """When the last part that is not cancelled is promised to arrive; None where a part has no promise."""
    standing = [part["promised_to"] for part in parts if part["status"] != FulfilmentStatus.CANCELLED]
    dates = [datetime.fromisoformat(one) for one in standing if one]
    return max(dates) if dates and len(dates) == len(standing) else None


@dataclass(frozen=True, slots=True)
class ListedFulfilment:
    """A fulfilment in a list."""

    fulfilment_id: str
    order_no: str
    number: int
    warehouse: str
    status: str
    kind: str
    promised_to: datetime | None
    created_at: datetime
    updated_at: datetime
    lines: Sequence[FulfilmentLine]
    shipment_id: str | None
    late: str | None


@dataclass(frozen=True, slots=True)
class FulfilmentFilters:
    """What a list holds; without a status, all that are not over; `late`: in one of these ways."""

    warehouse: str | None = None
    status: FulfilmentStatus | None = None
    late: Collection[Lateness] | None = None

    def statuses(self) -> list[FulfilmentStatus]:
        """Those that are wanted."""
        return [self.status] if self.status else [one for one in FulfilmentStatus if one not in _OVER]


async def page(conn: AsyncConnection, filters: FulfilmentFilters, after: str, limit: int) -> list[ListedFulfilment]:
    """At most `limit` fulfilments behind this id, those of the oldest orders first."""
    question: JsonFields = {"warehouse": filters.warehouse, "statuses": filters.statuses()}
    question |= {"after": after, "limit": limit, "late": None if filters.late is None else sorted(filters.late)}
    statement = _PAGE_OF_ALL if filters.status in _OVER else _PAGE_OF_OPEN
    return [ListedFulfilment(**row) for row in (await conn.execute(statement, question)).mappings()]


async def late_ones(conn: AsyncConnection, most: int) -> int:
    """How many fulfilments are late, counted up to `most`."""
    return int((await conn.execute(_LATE, {"most": most})).scalar_one())


async def parts_of(conn: AsyncConnection, order_no: str) -> list[Part]:
    """The fulfilments of an order that is locked."""
    rows = (await conn.execute(_PARTS, {"order_no": order_no})).all()
    return [Part(row.number, row.warehouse, FulfilmentStatus(row.status), row.due_at, FulfilmentKind(row.kind))
            for row in rows]  # fmt: skip


async def set_due(conn: AsyncConnection, part: PartRef, due_at: datetime | None) -> None:
    """Until when its next step is expected."""
    await conn.execute(_SET_DUE, {"order_no": part.order_no, "number": part.number, "due_at": due_at})


async def part_named(conn: AsyncConnection, order_no: str, fulfilment_id: str) -> PartRef:
    """The fulfilment that a step is about; a step of an order with one names none."""
    if not fulfilment_id:
        return PartRef(order_no)
    values = {"order_no": order_no, "fulfilment_id": fulfilment_id}
    return PartRef(order_no, (await conn.execute(_NAMED, values)).scalar_one(), several=True)


async def others_left(conn: AsyncConnection, order_no: str, fulfilment_id: str) -> bool:
    """True where another fulfilment of the order is on its way or has arrived."""
    values = {"order_no": order_no, "fulfilment_id": fulfilment_id}
    return bool((await conn.execute(_OTHERS_LEFT, values)).scalar_one())


async def has_others(conn: AsyncConnection, part: PartRef) -> bool:
    """True where the order has another fulfilment that is not cancelled."""
    return bool((await conn.execute(_HAS_OTHERS, {"order_no": part.order_no, "number": part.number})).scalar_one())


async def any_left(conn: AsyncConnection, order_no: str) -> bool:
    """True where a fulfilment of the order is on its way or has arrived."""
    return bool((await conn.execute(_ANY_LEFT, {"order_no": order_no})).scalar_one())


async def arrived_parcel(conn: AsyncConnection, part: PartRef) -> str | None:
    """Its parcel that was given up, has arrived after all and is not settled."""
    values = {"order_no": part.order_no, "number": part.number}
    found: str | None = (await conn.execute(_ARRIVED, values)).scalar_one_or_none()
    return found


async def deliver(conn: AsyncConnection, part: PartRef) -> None:
    """It has arrived, whatever its newest parcel says."""
    await conn.execute(_DELIVER, {"order_no": part.order_no, "number": part.number})
