"""Orders that ship from two warehouses, and what their carriers say."""

import secrets
from typing import Any

from domain.orders.backorder_choices import BackorderChoice
from infra.db.after_sales import backorder_choices
from infra.db.orders.state import timeline
from tests.order_stage import Stage, eventually
from workflows import names
from workflows import payloads as m


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
    await stock_south(stage, sku, 1)
    return await stage.place(sku, 3, **more)


async def stock_south(stage: Stage, sku: str, units: int) -> None:
    """Units in the second warehouse."""
    await stage.sql("INSERT INTO stock_levels (sku, warehouse) VALUES (:sku, 'WH-SOUTH')", sku=sku)
    await stage.sql(
        "INSERT INTO stock_movements (idempotency_key, kind, sku, warehouse, quantity, on_hand_delta, reserved_delta,"
        " actor) VALUES (:key, 'receipt', :sku, 'WH-SOUTH', :units, :units, 0, 'test')",
        key=secrets.token_hex(8),
        sku=sku,
        units=units,
    )


async def restocked(stage: Stage, order_no: str) -> None:
    """Three more units of the order's product in each warehouse: enough to send any part again."""
    await stage.sql(
        "INSERT INTO stock_movements (idempotency_key, kind, sku, warehouse, quantity, on_hand_delta, reserved_delta,"
        " actor) SELECT :o || w.code, 'receipt', l.sku, w.code, 3, 3, 0, 'test' FROM order_lines l,"
        " (VALUES ('WH-EAST'), ('WH-SOUTH')) w (code) WHERE l.order_no = :o",
        o=order_no,
    )


async def booked(stage: Stage, order_no: str, number: int) -> None:
    """Wait until the carrier has booked a parcel of the part."""
    statement = (
        "SELECT 1 FROM shipments WHERE order_no = :o AND fulfilment_no = :n AND status = 'booked'"
        " AND replaced_at IS NULL"
    )
    await eventually(lambda: stage.sql(statement, o=order_no, n=number))


async def part_says(stage: Stage, order_no: str, number: int, *statuses: str) -> None:
    """Facts from the carrier about the parcel of the part, as its webhooks leave them."""
    (parcel,) = await stage.sql(
        "SELECT carrier_ref, tracking_no FROM shipments WHERE order_no = :o AND fulfilment_no = :n"
        " AND status <> 'cancelled' AND replaced_at IS NULL",
        o=order_no,
        n=number,
    )
    for status in statuses:
        fact = {"carrier_ref": parcel.carrier_ref, "tracking_no": parcel.tracking_no, "status": status}
        await stage.inbox("shipment", order_no, {**fact, "occurred_at": "2026-01-01T00:00:00Z"})


async def pay(stage: Stage, order_no: str) -> None:
    """The customer pays an order that waits for it."""
    await stage.sql(
        "INSERT INTO payment_requests (request_id, order_no, method, token, actor)"
        " VALUES (:o || '/1', :o, 'sandbox', 'tok_ok', 'test')",
        o=order_no,
    )
    await stage.handle(order_no).execute_update(names.PAY, m.PayRequest(order_no, f"{order_no}/1"))


async def fulfilments(stage: Stage, order_no: str) -> list[Any]:
    """Number, warehouse, status and lines ([line_no, quantity]) of each."""
    return await stage.sql(
        "SELECT number, warehouse, status, (SELECT json_agg(json_build_array(n.line_no, n.quantity) ORDER BY 1)"
        " FROM fulfilment_lines n WHERE n.order_no = f.order_no AND n.number = f.number) AS lines"
        " FROM fulfilments f WHERE order_no = :o ORDER BY number",
        o=order_no,
    )


async def partly(stage: Stage, there: int = 2, wanted: int = 5, **more: Any) -> tuple[str, str]:
    """An order of a product of its own, of which only some is there; its number and the product."""
    sku = f"PART-{secrets.token_hex(4)}"
    await stage.stock(sku, there)
    return await stage.place(sku, wanted, backorder=True, ship_complete=False, **more), sku


async def arrive(stage: Stage, sku: str, units: int, warehouse: str = "WH-EAST") -> None:
    """A receipt."""
    await stage.sql(
        "INSERT INTO stock_levels (sku, warehouse) VALUES (:s, :w) ON CONFLICT DO NOTHING", s=sku, w=warehouse
    )
    await stage.sql(
        "INSERT INTO stock_movements (idempotency_key, kind, sku, warehouse, quantity, on_hand_delta, reserved_delta,"
        " actor) VALUES (:k, 'receipt', :s, :w, :n, :n, 0, 'test')",
        k=secrets.token_hex(8), s=sku, w=warehouse, n=units,
    )  # fmt: skip


async def decide(stage: Stage, order_no: str, choice: BackorderChoice) -> None:
    """The customer chooses, as HTTP and pages have it done."""
    async with stage.database.begin() as conn:
        await timeline.lock_order(conn, order_no)
        backorder = await backorder_choices.backorder_of(conn, order_no)
        await backorder_choices.choose(conn, backorder, choice, "customer:c", stage.settings)
