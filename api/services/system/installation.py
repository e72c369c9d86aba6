"""The installation itself: whether it is ready, and the orders that wait to be started."""

from dataclasses import dataclass

from api.dependencies import Services
from api.errors import not_writable, unavailable
from infra.db.errors import UNREACHABLE, cannot_write
from infra.db.messaging import start_backlog
from infra.db.system import master_keys, processes
from infra.db.system.processes import Workers
from infra.timeouts import within

__all__ = ["Processes", "Workers", "backlog", "require_ready"]

_COUNTED = 1_000_000


@dataclass(frozen=True, slots=True)
class Processes:
    """Which processes live, and the ids of the master keys that this one lacks."""

    workers: Workers
    relays: int
    lacking: list[bytes]


@dataclass(frozen=True, slots=True)
class Backlog:
    """Orders that are stored and wait to be started; at `limit` (0: none) no more are accepted."""

    waiting: int
    oldest_s: float
    limit: int
    accepting: bool


async def backlog(services: Services) -> Backlog:
    """How many orders wait, and for how long."""
    limit = services.settings.backlog_limit
    async with services.database.begin() as conn:
        found = await start_backlog.poll(conn, limit or _COUNTED)
    accepting = not (limit and found.waiting >= limit)
    return Backlog(found.waiting, round(found.oldest_s, 1), limit, accepting)


async def require_ready(services: Services, timeout_s: float) -> Processes:
    """Which processes live. Raises Problem where no order can be accepted: `database_unavailable`,
    `database_not_writable`, `master_key_unknown`."""
    try:
        found = await within(timeout_s, _examine(services))
    except (*UNREACHABLE, TimeoutError) as error:
        if cannot_write(error):
            raise not_writable() from None
        raise unavailable("database_unavailable", "PostgreSQL does not answer") from None
    if found.lacking:
        raise unavailable(master_keys.UNKNOWN, master_keys.problem(found.lacking))
    return found


async def _examine(services: Services) -> Processes:
    """Read the processes. Where PostgreSQL refused to write before, this writes, too. Raises what the database
    raises."""
    watch = services.database.watch
    async with services.database.begin() as conn:
        if watch.cannot_write:
            await processes.try_writing(conn)
            watch.cannot_write = False
        lacking = await master_keys.lacking(conn, services.keys.vault.key_ids)
        return Processes(await processes.workers(conn), await processes.living(conn, "relay"), lacking)
