"""Changing an order's address as the front door does."""

from infra.db.customers.profiles import KeyRing
from infra.db.orders.changing import changes
from infra.db.orders.changing.changes import NewChange
from tests.order_stage import Stage


async def readdress(stage: Stage, order_no: str, address: dict[str, str]) -> None:
    keys = KeyRing(stage.vault)
    async with stage.database.begin() as conn:
        here = await changes.load_context(conn, keys, order_no)
        change = NewChange(("address",), "support:ann", address, None, (), here.total_minor)
        await changes.write(conn, keys, here, change)
