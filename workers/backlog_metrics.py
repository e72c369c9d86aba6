"""What waits, as gauges: from one place, whether anything moves or not."""

from collections.abc import Awaitable, Callable

from infra.db.autocommit import autocommit
from infra.db.engine import Database
from infra.db.system import backlogs
from infra.observability import metrics

POLL_S = 5.0


def observing(database: Database) -> Callable[[], Awaitable[bool]]:
    """The step that measures all queues."""

    async def step() -> bool:
        async with autocommit(database) as connection:
            metrics.observe_backlogs(await backlogs.poll(connection))
        return False

    return step
