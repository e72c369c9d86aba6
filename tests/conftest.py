"""Real servers, started once per run and only when a test asks for them."""

import asyncio
import gc
import itertools
import os
import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from coverage import Coverage
from hypothesis import settings
from psycopg import sql
from xdist.remote import Producer
from xdist.scheduler.loadscope import LoadScopeScheduling
from xdist.workermanage import WorkerController

from infra.db import migrate, seed
from infra.stack.data_dir.ports import any_free
from infra.stack.postgres.postgres_server import APP, SUPERUSER, PostgresServer
from infra.stack.temporal.temporal_server import TemporalServer
from tests import cheap_passwords, counted_lines, kept_connections, sharing

# Properties are about what holds, not about how fast this machine is today. `make test` tries the same examples every
# time, so that it fails for a change and not by chance; `make torture` draws new ones.
TORTURE = "OMS_TORTURE" in os.environ
settings.register_profile("test", deadline=None, derandomize=True)
settings.register_profile("torture", deadline=None, max_examples=1000)
settings.load_profile("torture" if TORTURE else "test")
cheap_passwords.install()

# Lines are counted in the processes that run tests, not in the servers that those start: it would slow down every order
# that goes through them.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.pop("COVERAGE_PROCESS_CONFIG", None)

TEMPLATE = "oms_template"
_numbers = itertools.count(1)

# Files of few, long tests begin first: at the end, a worker that has one left keeps the others waiting. The stack of a
# folder ends with it. Those tests mostly wait for servers: beside them runs what keeps a processor busy.
WAITING = ("e2e", "faults", "stack", "demo", "sandbox", "workflows", "workers", "console")


# What is collected stays to the end: to look through it for garbage, again and again, is a third of collecting.
gc.set_threshold(100_000)


def pytest_collection_finish() -> None:
    """Tests leave little garbage: to look for the youngest less often saves three hundredths of their time. The older
    are looked for as usual, or a worker grows past a gigabyte."""
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        folder = item.path.relative_to(item.config.rootpath / "tests").parts[0]
        return WAITING.index(folder) if folder in WAITING else len(WAITING)

    items.sort(key=place)
    for item in items:
        if hasattr(getattr(item, "module", None), "few"):  # from tests.examples
            item.add_marker(pytest.mark.properties)
            if TORTURE:  # many examples take their time
                item.add_marker(pytest.mark.timeout(3600))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Shares out whole files; those that use the servers of their folder stay together: one worker starts them."""
    return ByServers(config, log)


class ByServers(LoadScopeScheduling):
    def _split_scope(self, nodeid: str) -> str:
        return sharing.unit_of(self.config.rootpath / nodeid.split("::", 1)[0])

    def _assign_work_unit(self, node: WorkerController) -> None:
        """Every second worker takes computing files first, the others waiting ones, so that neither kind runs alone."""
        computes = int(str(node.workerinput["workerid"]).removeprefix("gw")) % 2 == 1
        fitting = (unit for unit, tests in self.workqueue.items() if computes != _waits(next(iter(tests))))
        if (first := next(fitting, None)) is not None:
            self.workqueue.move_to_end(first, last=False)
        super()._assign_work_unit(node)


def _waits(nodeid: str) -> bool:
    return nodeid.split("/", 2)[1] in WAITING


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[object]:
    """Lines are counted where that can add any."""
    counting = Coverage.current()
    return (yield) if counting is None else (yield from counted_lines.run(counting, item))


@dataclass(frozen=True)
class DatabaseUrls:
    """A migrated and seeded database: the owner's address (superuser) and the one that services use."""

    owner_url: str
    app_url: str


async def as_owner(server: PostgresServer, statement: sql.Composed) -> None:
    """Runs one statement as superuser, outside of any transaction and of every test's database."""
    async with await psycopg.AsyncConnection.connect(server.url(SUPERUSER, "postgres"), autocommit=True) as connection:
        await connection.execute(statement)


async def create_database(server: PostgresServer, name: str, template: str = "template1") -> None:
    # Copying the files takes a third of the processor time of writing every page to the log.
    made = sql.SQL("CREATE DATABASE {} OWNER oms_owner TEMPLATE {} STRATEGY FILE_COPY")
    await as_owner(server, made.format(sql.Identifier(name), sql.Identifier(template)))
    # What a database itself allows is not copied with it.
    await as_owner(server, sql.SQL("REVOKE CREATE, TEMPORARY ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
async def postgres(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PostgresServer]:
    """PostgreSQL without fsync."""
    folder = tmp_path_factory.mktemp("postgres")
    server = PostgresServer(
        data=folder / "postgres",
        port=any_free(set()),
        log=folder / "postgres.log",
        owner_password=secrets.token_urlsafe(),
        app_password=secrets.token_urlsafe(),
        durable=False,
    )
    async with server.running():
        yield server


@pytest.fixture(scope="session")
async def temporal(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TemporalServer]:
    """Temporal without its web interface, with search attributes and retention set."""
    folder = tmp_path_factory.mktemp("temporal")
    server = TemporalServer(db=folder / "temporal.db", port=any_free(set()), log=folder / "temporal.log")
    async with server.running():
        yield server


@pytest.fixture(scope="session")
async def database_template(postgres: PostgresServer) -> str:
    """The name of a migrated and seeded database that others are cloned from."""
    await create_database(postgres, TEMPLATE)
    owner_url = postgres.url(SUPERUSER, TEMPLATE)
    await asyncio.to_thread(migrate.upgrade, owner_url)
    await asyncio.to_thread(seed.seed, owner_url)
    return TEMPLATE


@pytest.fixture(scope="module")
async def database_url(
    request: pytest.FixtureRequest, postgres: PostgresServer, database_template: str
) -> AsyncIterator[DatabaseUrls]:
    """A fresh database for one test module; dropped when the module is done, whoever is still connected."""
    name = f"{Path(request.path).stem}_{next(_numbers)}"
    await create_database(postgres, name, database_template)
    urls = DatabaseUrls(owner_url=postgres.url(SUPERUSER, name), app_url=postgres.url(APP, name))
    with kept_connections.kept(urls.owner_url, urls.app_url):
        yield urls
    await as_owner(postgres, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
