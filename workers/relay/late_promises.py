"""Customers whose order arrives later than promised are informed before they ask."""

from datetime import UTC, datetime

from infra.db.after_sales import backorder_choices
from infra.db.engine import Connection, Database
from infra.db.orders.state import timeline
from infra.db.shipping import promises
from infra.db.shipping.promises import LaterOrder
from infra.settings import Settings

AT_ONCE, WAITING_LOOKED_AT = 50, 1000


class LatePromises:
    """One per relay. Each new date is one event, which sends one message. When the date of a backorder slips, its
    customer may choose; who does not in time gets the default."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings

    async def step(self) -> bool:
        """Some orders; True while there are more."""
        now = datetime.now(UTC)
        async with self._database.begin() as connection:
            late = await promises.late_orders(connection, AT_ONCE)
            later = (await promises.later_orders(connection, WAITING_LOOKED_AT, now))[:AT_ONCE]
        for order_no in late:
            async with self._database.begin() as connection:
                await timeline.lock_order(connection, order_no)
                await promises.renew(connection, order_no, now)
        for order in later:
            async with self._database.begin() as connection:
                until = await promises.announce(connection, order, now)
                if until is not None and order.known is not None:
                    await self._offer(connection, order, order.known, until)
        undecided = await self._decide(now)
        return AT_ONCE in (len(late), len(later), undecided)

    async def _offer(self, connection: Connection, order: LaterOrder, before: datetime, until: datetime) -> None:
        decide_by = timeline.deadline_in(self._settings.backorder_choice_s)
        await backorder_choices.offer(connection, order.order_no, order.number, before, until, decide_by)

    async def _decide(self, now: datetime) -> int:
        """What their customers have not decided in time; answers with how many."""
        async with self._database.begin() as connection:
            due = await backorder_choices.due(connection, now, AT_ONCE)
        for order_no in due:
            async with self._database.begin() as connection:
                await backorder_choices.decide(connection, order_no, self._settings)
        return len(due)
