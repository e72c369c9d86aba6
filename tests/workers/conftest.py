"""What tests of several files of this folder are given."""

from collections.abc import AsyncIterator

import pytest

from tests.conftest import Books
from tests.infra.notice_servers import Robots
from tests.infra.servers import serving
from tests.workers.notice_scene import TABLES, Scene, notifier_of
from tests.workers.support import damage, database, settings_for, sql


@pytest.fixture
async def scene(database_url: Books) -> AsyncIterator[Scene]:
    await sql(database_url.owner_url, f"TRUNCATE {TABLES} CASCADE")
    await damage(database_url.owner_url, "UPDATE orders SET status = 'completed'")
    settings = settings_for(database_url, allow_private_webhook_targets=True, webhook_timeout_s=2.0, notice_attempts=3)
    server = Robots()
    async with serving(server.app) as base, database(settings) as opened:
        yield Scene(database_url, settings, opened, notifier_of(opened, settings), server, base)
