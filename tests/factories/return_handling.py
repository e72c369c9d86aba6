"""Returns as the front door and the warehouse have them done."""

import secrets
from typing import Any

from domain.after_sales.returns import Condition, Found, Reason, Resolution
from infra.db.after_sales import return_handling, return_requests, returns
from infra.db.after_sales.return_policy import ReturnPolicy
from infra.db.after_sales.return_requests import ReturnRequest
from infra.db.after_sales.settlement import SettlementContext
from infra.db.customers.profiles import KeyRing
from tests.order_stage import Stage, eventually


async def delivered_order(stage: Stage, **options: Any) -> str:
    """A delivered order whose return window is open."""
    order_no = await stage.place(**options)
    await stage.reaches(order_no, "preparing")
    await stage.carrier_says(order_no, "delivered")
    await stage.reaches(order_no, "delivered")
    return order_no


async def ask(stage: Stage, order_no: str, sku: str = "TEA", units: int = 1, **changed: Any) -> str:
    """Ask for a return; its id."""
    values: dict[str, Any] = {"reason_code": Reason.CHANGED_MIND, "resolution": Resolution.REFUND, **changed}
    return_id = f"rt_{secrets.token_hex(16)}"
    new_request = ReturnRequest(return_id, order_no, {sku: units}, "because", requested_by="customer:c", **values)
    async with stage.database.begin() as conn:
        await return_requests.open_return(conn, KeyRing(stage.vault), terms(stage), new_request)
    return return_id


def terms(stage: Stage) -> ReturnPolicy:
    return ReturnPolicy.from_settings(stage.settings)


async def receive(stage: Stage, return_id: str, condition: Condition = Condition.AS_NEW, units: int = 1) -> None:
    async with stage.database.begin() as conn:
        order_return = await returns.lock(conn, return_id)
        found = [Found("TEA", units, condition)]
        await return_handling.receive(conn, order_return, "warehouse:wu", terms(stage), found)


async def inspect(stage: Stage, return_id: str, condition: Condition = Condition.AS_NEW, units: int = 1) -> None:
    context = SettlementContext(KeyRing(stage.vault), terms(stage), "warehouse:wu")
    async with stage.database.begin() as conn:
        order_return = await returns.lock(conn, return_id)
        await return_handling.inspect(conn, order_return, context, [Found("TEA", units, condition)])


async def status_of(stage: Stage, return_id: str) -> str:
    return str((await stage.sql("SELECT status FROM returns WHERE return_id = :r", r=return_id))[0][0])


async def becomes(stage: Stage, return_id: str, status: str) -> None:
    """Wait until the return is there."""

    async def there() -> bool:
        return await status_of(stage, return_id) == status

    try:
        await eventually(there)
    except AssertionError:
        raise AssertionError(f"{return_id} is {await status_of(stage, return_id)}, not {status}") from None


async def labelled(stage: Stage, return_id: str) -> str:
    """Wait for the label; the carrier's reference of its parcel."""
    found = "SELECT carrier_ref FROM returns WHERE return_id = :r AND label = 'booked'"
    return str((await eventually(lambda: stage.sql(found, r=return_id)))[0][0])


async def parcel_says(stage: Stage, order_no: str, carrier_ref: str, status: str) -> None:
    """The carrier's word about a return's parcel, as its webhook leaves it."""
    fact = {"carrier_ref": carrier_ref, "tracking_no": "SBX1", "status": status}
    await stage.inbox("shipment", order_no, {**fact, "occurred_at": "2026-01-01T00:00:00Z"})


async def stock_of(stage: Stage) -> tuple[int, int]:
    """(on hand, quarantined)."""
    row = (
        await stage.sql("SELECT on_hand, quarantined FROM stock_levels WHERE sku = 'TEA' AND warehouse = 'WH-EAST'")
    )[0]
    return int(row[0]), int(row[1])
