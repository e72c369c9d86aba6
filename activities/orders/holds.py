"""The deadlines of a hold: escalation, then its default outcome."""

from activities.base import oms_activity
from activities.orders.views import view_of
from domain.orders.holds import ESCALATED_TO, HoldAction, Outcome
from infra.db.engine import Database
from infra.db.orders.changing import cancellation
from infra.db.orders.state import holds, timeline
from workflows import payloads as m


class HoldActivities:
    """Steps that use only the database."""

    def __init__(self, database: Database) -> None:
        self._db = database

    @oms_activity("tend_hold")
    async def process_due_hold(self, due: m.HoldDue) -> m.OrderView:
        """Escalate the hold, or close it with its default outcome; one that was closed meanwhile stays as it is."""
        async with self._db.begin() as conn:
            await timeline.lock_order(conn, due.order_no)
            outcome = await holds.process_due(conn, due.order_no, due.hold_no, HoldAction(due.act), ESCALATED_TO)
            if outcome is Outcome.CANCEL:
                await cancellation.mark(conn, due.order_no, "hold_expired", "system")
            return await view_of(conn, due.order_no)
