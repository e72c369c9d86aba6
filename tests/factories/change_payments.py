"""Making a paid order more expensive, as the front door does."""

from domain.orders.changes import plan_lines
from domain.orders.status import ChangeKind
from infra.db.customers.profiles import KeyRing
from infra.db.orders.changing import changes
from infra.db.orders.changing.changes import ChangePlan
from infra.db.orders.state import timeline
from infra.db.payments import change_payments
from infra.db.payments.change_payments import PaidBy
from tests.order_stage import Stage


async def make_more_expensive(stage: Stage, order_no: str, units: int, token: str = "tok_ok", sku: str = "TEA") -> None:
    """Ask for more units of the order's only product, the difference paid by the token."""
    keys = KeyRing(stage.vault)
    async with stage.database.begin() as conn:
        await timeline.lock_order(conn, order_no)
        context = await changes.load_context(conn, keys, order_no)
        catalogue = await changes.catalogue_of(conn, [sku])
        lines = plan_lines(context.lines, {sku: units}, catalogue, context.currency, context.last_line_no)
        plan = ChangePlan(context, (ChangeKind.LINES,), lines=tuple(lines))
        await change_payments.open_one(conn, keys, plan, "support:ann", PaidBy("sandbox", token, 600))
