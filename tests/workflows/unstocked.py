"""Orders of products that no stock serves, and what the warehouse says of them."""

import secrets
from typing import Any

from domain.orders.status import Status
from infra.db.orders.state import timeline
from infra.db.shipping import production
from infra.db.shipping.shipments import PartRef
from tests.order_stage import Stage


async def product(stage: Stage, kind: str, **more: Any) -> str:
    """A new product of this kind; its SKU."""
    sku = f"{kind[:4].upper()}-{secrets.token_hex(4)}"
    values = {"kind": kind, "lead_time_days": 3 if kind == "made_to_order" else None, "delivered_by": "code"}
    await stage.sql(
        "INSERT INTO products (sku, name, price_minor, currency, kind, lead_time_days, delivered_by,"
        " confirmed_after_days) VALUES (:sku, :sku, 1000, 'CNY', :kind, :lead_time_days, :delivered_by,"
        " :confirmed_after_days)",
        sku=sku,
        **{**values, "confirmed_after_days": None, **more},
    )
    return sku


async def produced(stage: Stage, order_no: str, number: int = 1) -> None:
    """The warehouse has made all of the part."""
    async with stage.database.begin() as conn:
        status: Status = await timeline.lock_order(conn, order_no)
        part = PartRef(order_no, number, several=True)
        await production.produced(conn, part, status, None, "warehouse:wen")


async def parts(stage: Stage, order_no: str) -> list[tuple[int, str, str]]:
    """Number, kind and status of each part."""
    rows = await stage.sql(
        "SELECT number, kind, status FROM fulfilments WHERE order_no = :o ORDER BY number", o=order_no
    )
    return [tuple(row) for row in rows]
