"""A supplier that ships what the warehouses do not have, and what it answers."""

import json
import secrets

from activities.orders.inbox import apply_inbox
from domain.shipping.shipments import ShipmentStatus
from infra.db.messaging import inbox
from infra.db.shipping import picking, shipments, supplier_requests
from infra.db.shipping.short_picks import Policy, Shortage
from tests.order_stage import Stage, eventually

SUPPLIER = "SUP-TEA"
POLICY = Policy(3, 3600)


async def supplier(stage: Stage, code: str = SUPPLIER) -> None:
    """Beside the warehouses."""
    await stage.sql(
        "INSERT INTO warehouses (code, name, kind, lead_time_days, country, province, city) VALUES (:code, 'Tea & Co',"
        " 'supplier', 2, 'CN', '上海市', '上海市') ON CONFLICT DO NOTHING",
        code=code,
    )


async def stocked_at(stage: Stage, sku: str, code: str, units: int) -> None:
    """What it reports to have."""
    await stage.sql("INSERT INTO stock_levels (sku, warehouse) VALUES (:s, :w) ON CONFLICT DO NOTHING", s=sku, w=code)
    await stage.sql(
        "INSERT INTO stock_movements (idempotency_key, kind, sku, warehouse, quantity, on_hand_delta, reserved_delta,"
        " actor) VALUES (:key, 'adjustment', :s, :w, :n, :n, 0, 'test')",
        key=secrets.token_hex(8), s=sku, w=code, n=units,
    )  # fmt: skip


async def supplied(stage: Stage, here: int = 0, there: int = 5, code: str = SUPPLIER) -> str:
    """A product of its own: so many units in the default warehouse, and so many at the supplier."""
    sku = f"SUP-{secrets.token_hex(4)}"
    await stage.stock(sku, max(here, 1))
    if not here:
        await stocked_at(stage, sku, "WH-EAST", -1)
    await stocked_at(stage, sku, code, there)
    return sku


async def asked(stage: Stage, order_no: str, number: int = 1) -> None:
    """Wait until the supplier is asked to ship the fulfilment."""
    statement = (
        "SELECT 1 FROM shipments WHERE order_no = :o AND fulfilment_no = :n AND carrier = 'supplier'"
        " AND status = 'booked'"
    )
    await eventually(lambda: stage.sql(statement, o=order_no, n=number))


async def ships(stage: Stage, order_no: str, number: int = 1, tracking_no: str = "SF-1") -> None:
    """The supplier says that its parcel is on its way."""
    async with stage.database.begin() as conn:
        work = await picking.lock(conn, f"{order_no}-F{number}")
        assert work.parcel is not None
        assert await shipments.shipped_by_supplier(conn, work.parcel.shipment_id, "sf", f"{tracking_no}-{order_no}")
        known = await picking.one(conn, work.fulfilment_id)
        assert known.parcel is not None
        scan = await picking.hand_over(conn, known.parcel, None, "warehouse:sue")
        await inbox.keep_shipment(conn, "sf", scan)
        await apply_inbox(conn, order_no, stage.settings)


async def refuses(stage: Stage, order_no: str, number: int = 1, reason: str = "out_of_stock") -> list[Shortage]:
    """The supplier says that it does not ship."""
    async with stage.database.begin() as conn:
        work = await picking.lock(conn, f"{order_no}-F{number}")
        shipment = await shipments.live_shipment(conn, order_no, number)
        assert shipment is not None and shipment.awaits_supplier
        return await supplier_requests.refuse(conn, work, shipment, "warehouse:sue", reason, POLICY)


async def delivered(stage: Stage, order_no: str, number: int = 1) -> None:
    """Its carrier has brought it."""
    (parcel,) = await stage.sql(
        "SELECT carrier, carrier_ref, tracking_no FROM shipments WHERE order_no = :o AND fulfilment_no = :n"
        " AND status <> 'cancelled'",
        o=order_no, n=number,
    )  # fmt: skip
    fact = {"carrier_ref": parcel.carrier_ref, "tracking_no": parcel.tracking_no, "status": ShipmentStatus.DELIVERED}
    await stage.sql(
        "INSERT INTO inbox (provider, event_id, kind, order_no, fact)"
        " VALUES (:p, :e, 'shipment', :o, CAST(:f AS jsonb))",
        p=parcel.carrier, e=secrets.token_hex(8), o=order_no, f=json.dumps(fact),
    )  # fmt: skip


async def level(stage: Stage, sku: str, code: str) -> tuple[int, int]:
    """On hand and reserved."""
    (row,) = await stage.sql(
        "SELECT on_hand, reserved FROM stock_levels WHERE sku = :s AND warehouse = :w", s=sku, w=code
    )
    return row.on_hand, row.reserved


async def is_over(stage: Stage, order_no: str) -> None:
    """No step is parked any more."""
    open_step = "SELECT 1 FROM parked_steps WHERE order_no = :o AND resolved_at IS NULL"

    async def over() -> bool:
        return not await stage.sql(open_step, o=order_no)

    await eventually(over)
