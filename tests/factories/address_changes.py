"""Changing an order's address as the front door does."""

from domain.orders.addresses import ShippingAddress
from domain.orders.status import ChangeKind
from infra.db.customers.profiles import KeyRing
from infra.db.orders.changing import changes
from infra.db.orders.changing.changes import ChangePlan
from tests.order_stage import Stage


async def readdress(stage: Stage, order_no: str, address: dict[str, str]) -> None:
    keys = KeyRing(stage.vault)
    async with stage.database.begin() as conn:
        context = await changes.load_context(conn, keys, order_no)
        plan = ChangePlan(context, (ChangeKind.ADDRESS,), ShippingAddress.from_json(address))
        await changes.write(conn, keys, plan, "support:ann")
