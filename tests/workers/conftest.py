"""What tests of several files of this folder are given."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conftest import DatabaseUrls
from tests.contract.processes import sandbox
from tests.infra.alerts.alert_servers import Robots
from tests.infra.servers import serving
from tests.workers.relay.alert_scene import TABLES, Scene, notifier_of
from tests.workers.relay.notification_scene import Post, posting
from tests.workers.stored_orders import damage, database, empty, settings_for


@pytest.fixture
async def scene(database_url: DatabaseUrls) -> AsyncIterator[Scene]:
    await empty(database_url.owner_url, TABLES)
    await damage(database_url.owner_url, "UPDATE orders SET status = 'completed'")
    settings = settings_for(database_url, allow_private_webhook_targets=True, webhook_timeout_s=2.0, notice_attempts=3)
    server = Robots()
    async with serving(server.app) as base, database(settings) as opened:
        yield Scene(database_url, settings, opened, notifier_of(opened, settings), server, base)


@pytest.fixture(scope="module")
async def provider(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[str, Path]]:
    folder = tmp_path_factory.mktemp("provider")
    async with sandbox(folder, "http://127.0.0.1:9/hook", "whsec_MDEyMzQ1Njc4OWFiY2RlZg==", SLOW_S="0.3") as url:
        yield url, folder


@pytest.fixture
async def post(database_url: DatabaseUrls, provider: tuple[str, Path]) -> AsyncIterator[Post]:
    await empty(database_url.owner_url, "messages, outbox, webhook_deliveries, webhook_endpoints, shipments")
    settings = settings_for(
        database_url,
        sandbox_url=provider[0],
        portal_url="https://shop.example/",
        gateway_timeout_s=120.0,  # longer than a test waits
        message_attempts=3,
        breaker_failures=1000,
    )
    async with posting(database_url, settings, provider[1]) as scene:
        yield scene
