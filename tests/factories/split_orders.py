"""Orders that ship in several parts, as their workflows would leave them in the database."""

from typing import Any

import psycopg

from tests.api.conftest import ApiClient, unique
from tests.factories.sales import paid

HOUSES = ("WH-EAST", "WH-SOUTH", "WH-NORTH")
_HOUSE = """INSERT INTO warehouses (code, name, country, province, city, priority)
  VALUES (%s, %s, 'CN', '上海市', '上海市', 900) ON CONFLICT DO NOTHING"""
_PART = """INSERT INTO fulfilments (fulfilment_id, order_no, number, warehouse, status, promised_to, placed_at)
  SELECT %s, order_no, %s, %s, %s, %s, created_at FROM orders WHERE order_no = %s
  ON CONFLICT (fulfilment_id) DO UPDATE SET warehouse = excluded.warehouse, status = excluded.status,
    promised_to = excluded.promised_to"""
_LINE = """INSERT INTO fulfilment_lines (order_no, number, line_no, quantity) VALUES (%s, %s, 1, 1)
  ON CONFLICT (order_no, number, line_no) DO UPDATE SET quantity = 1"""
_PARCEL = """INSERT INTO shipments (shipment_id, order_no, warehouse, carrier, status, idempotency_key, tracking_no,
    fulfilment_no) VALUES (%s, %s, %s, 'sandbox', %s, %s, %s, %s)"""
_LABEL_OF = {"booked": "booked", "picking": "booked", "packed": "booked", "shipped": "in_transit", "failed": "lost"}
_LABEL_OF |= {"delivered": "delivered"}


async def split(
    shop: ApiClient, *parts: str, status: str = "preparing", promised_to: str | None = None, **changed: Any
) -> str:
    """A paid order of a unit for each part; part N has that status, and where it is booked a parcel with the tracking
    number `{order_no}-TN`."""
    order_no = await paid(shop, lines=[{"sku": "TEA-1", "quantity": len(parts)}], **changed)
    async with await psycopg.AsyncConnection.connect(shop.owner_url, autocommit=True) as owner:
        await owner.execute("SET session_replication_role = replica")
        for number, part in enumerate(parts, 1):
            house = HOUSES[(number - 1) % len(HOUSES)]
            await owner.execute(_HOUSE, (house, house))
            await owner.execute(_PART, (f"{order_no}-F{number}", number, house, part, promised_to, order_no))
            await owner.execute(_LINE, (order_no, number))
            if parcel := _LABEL_OF.get(part):
                key, tracking_no = unique("parcel"), f"{order_no}-T{number}"
                await owner.execute(_PARCEL, (key, order_no, house, parcel, key, tracking_no, number))
        values = (status, HOUSES[0], order_no)
        await owner.execute("UPDATE orders SET status = %s, warehouse = %s WHERE order_no = %s", values)
    return order_no
