"""Orders that ship from two warehouses."""

import secrets
from typing import Any

from tests.order_stage import Stage


async def second_warehouse(stage: Stage) -> None:
    """Beside the one that every stage has."""
    await stage.sql(
        "INSERT INTO warehouses (code, name, country, province, city) VALUES ('WH-SOUTH', 'South', 'CN', '广东省',"
        " '深圳市') ON CONFLICT DO NOTHING"
    )


async def split_order(stage: Stage, **more: Any) -> str:
    """An order of three pieces of a product of its own: two are in one warehouse, one is in the other."""
    sku = f"APART-{secrets.token_hex(4)}"
    await stage.stock(sku, 2)
    await stage.sql("INSERT INTO stock_levels (sku, warehouse) VALUES (:sku, 'WH-SOUTH')", sku=sku)
    await stage.sql(
        "INSERT INTO stock_movements (idempotency_key, kind, sku, warehouse, quantity, on_hand_delta, reserved_delta,"
        " actor) VALUES (:key, 'receipt', :sku, 'WH-SOUTH', 1, 1, 0, 'test')",
        key=secrets.token_hex(8),
        sku=sku,
    )
    return await stage.place(sku, 3, **more)


async def fulfilments(stage: Stage, order_no: str) -> list[Any]:
    """Number, warehouse, status and lines ([line_no, quantity]) of each."""
    return await stage.sql(
        "SELECT number, warehouse, status, (SELECT json_agg(json_build_array(n.line_no, n.quantity) ORDER BY 1)"
        " FROM fulfilment_lines n WHERE n.order_no = f.order_no AND n.number = f.number) AS lines"
        " FROM fulfilments f WHERE order_no = :o ORDER BY number",
        o=order_no,
    )
