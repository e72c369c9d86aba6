"""The database, a server for every kind of channel, and the relay's part that tells: what tests of notices share."""

import asyncio
import itertools
from dataclasses import dataclass
from typing import Any

from infra.db.alerts import alert_channels
from infra.db.engine import Database
from infra.settings import Settings
from tests.conftest import DatabaseUrls
from tests.infra.alerts.alert_servers import Robots
from tests.workers.stored_orders import place, sql, vault
from workers.relay.alert_sender import AlertSender

TABLES = (
    "alerts, alert_deliveries, alert_channels, parked_steps, workflow_requests, webhook_deliveries, stock_levels, "
    "processes, consistency_checks, stock_cases"
)

_numbers = itertools.count(1)


@dataclass
class Scene:
    """The database, a server for every channel, and a notifier without a robot's rest."""

    urls: DatabaseUrls
    settings: Settings
    database: Database
    notifier: AlertSender
    server: Robots
    base: str

    async def channel(
        self, kind: str = "webhook", lang: str = "en", causes: tuple[str, ...] = (), **target: str
    ) -> str:
        """A channel of its own name; returns its id."""
        paths = {"dingtalk": "/robot/send?access_token=t0ken", "wecom": "/cgi-bin/webhook/send?key=k3y"}
        url = {"url": f"{self.base}{paths.get(kind, '/hook')}", "secret": "whsec_MDEyMzQ1Njc4OWFiY2RlZg=="}
        channel_id = f"nch_{next(_numbers):032x}"
        wanted = alert_channels.NewChannel(
            channel_id, kind, channel_id, lang, list(causes), target or url, "operations:tom"
        )
        async with self.database.begin() as connection:
            await alert_channels.add(connection, vault(), wanted)
        return channel_id

    async def turn(self, notifier: AlertSender | None = None) -> bool:
        """Look once, then send all that is due; whether messages were made."""
        one = notifier or self.notifier
        made = await one.poll()
        await one.send_due()
        await asyncio.gather(*one._lanes.values())
        return made

    async def later(self, seconds: float) -> None:
        """As if so much time had passed since everything that was sent and seen."""
        for table, columns in {
            "alerts": ("since", "seen_at"),
            "alert_deliveries": ("created_at", "next_try_at", "done_at"),
            "alert_channels": ("busy_until",),
        }.items():
            moved = ", ".join(f"{column} = {column} - make_interval(secs => {seconds})" for column in columns)
            await sql(self.urls.owner_url, f"UPDATE {table} SET {moved}")

    async def park(self, orders: int, error: str = "rejected", step: str = "book", escalated: bool = False) -> None:
        """So many orders that stick for one cause, as their workflows would leave them in the database."""
        await place(self.urls)
        await sql(
            self.urls.owner_url,
            """WITH made AS (
                 INSERT INTO orders (order_no, channel, type, customer_id, currency, items_minor, total_minor, country,
                                     province, city, ship_to_enc, placed_by)
                 SELECT left(md5(%s || n || clock_timestamp()), 18), 'web', 'standard', 'c-1', 'CNY', 100, 100, 'CN',
                        'P', 'C', '', 'test'
                   FROM generate_series(1, %s) n RETURNING order_no)
               INSERT INTO parked_steps (order_no, park_no, step, error, provider, attempts, options, amount_minor,
                                         escalate_at, escalated_at)
               SELECT order_no, 1, %s, %s, 'sandbox', 5, '{retry}', 100, now(), CASE WHEN %s THEN now() END
                 FROM made""",
            error, orders, step, error, escalated,
        )  # fmt: skip

    async def resolve(self, error: str = "rejected") -> None:
        await sql(self.urls.owner_url, "UPDATE parked_steps SET resolved_at = now() WHERE error = %s", error)

    async def states(self) -> list[tuple[Any, ...]]:
        return await sql(
            self.urls.app_url, "SELECT number, phase, state, tries FROM alert_deliveries ORDER BY delivery_id"
        )


def notifier_of(opened: Database, settings: Settings) -> AlertSender:
    return AlertSender(opened, vault(), settings, rest_s=0.0)
