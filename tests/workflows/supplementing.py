"""Making a paid order dearer, as the front door does."""

from domain.changes import plan_lines
from infra.db import changes, events, supplements
from infra.db.changes import NewChange
from infra.db.customers import KeyRing
from infra.db.supplements import PaidBy
from tests.stage import Stage


async def make_dearer(stage: Stage, order_no: str, units: int, token: str = "tok_ok", sku: str = "TEA") -> None:
    """Ask for more units of the order's only product, the difference paid by the token."""
    keys = KeyRing(stage.vault)
    async with stage.database.begin() as conn:
        await events.lock_order(conn, order_no)
        here = await changes.here(conn, keys, order_no)
        catalogue = await changes.catalogue_of(conn, [sku])
        lines = plan_lines(here.lines, {sku: units}, catalogue, here.currency, here.last_line_no)
        total = here.total_minor + sum(line.amount_minor for line in lines)
        change = NewChange(("lines",), "support:ann", None, None, lines, total)
        await supplements.open_one(conn, keys, here, change, PaidBy("sandbox", token, 600))
