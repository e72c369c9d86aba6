"""Customers whose order arrives later than promised are informed before they ask."""

from datetime import UTC, datetime

from infra.db.engine import Database
from infra.db.orders.state import timeline
from infra.db.shipping import promises

AT_ONCE, WAITING_LOOKED_AT = 50, 1000


class LatePromises:
    """One per relay. Each new date is one event, which sends one message."""

    def __init__(self, database: Database) -> None:
        self._database = database

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
                await promises.announce(connection, order, now)
        return AT_ONCE in (len(late), len(later))
