"""Customers whose payment on terms is overdue are reminded, and finance hears of those that stay so."""

from infra.db.engine import Database
from infra.db.orders.state import timeline
from infra.db.payments import receivables
from infra.settings import Settings

AT_ONCE = 50


class OverduePayments:
    """One per relay. A reminder is one event, which sends one message."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings

    async def step(self) -> bool:
        """Some orders; True while there are more."""
        async with self._database.begin() as connection:
            due = await receivables.to_remind(connection, AT_ONCE)
        for order_no in due:
            async with self._database.begin() as connection:
                await timeline.lock_order(connection, order_no)
                await receivables.remind(connection, order_no)
        async with self._database.begin() as connection:
            escalated = await receivables.escalate(connection, self._settings.overdue_escalation_s, AT_ONCE)
        return AT_ONCE in (len(due), escalated)
