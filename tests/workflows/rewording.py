"""Changing an order's address as the front door does."""

from infra.db import changes
from infra.db.changes import NewChange
from infra.db.customers import KeyRing
from tests.stage import Stage


async def readdress(stage: Stage, order_no: str, address: dict[str, str]) -> None:
    keys = KeyRing(stage.vault)
    async with stage.database.begin() as conn:
        here = await changes.here(conn, keys, order_no)
        change = NewChange(("address",), "support:ann", address, None, (), here.total_minor)
        await changes.write(conn, keys, here, change)
