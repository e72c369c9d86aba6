"""A transfer's workflow on real servers: it follows what people did, reminds once, and survives being lost."""

from collections.abc import AsyncIterator

import pytest
from rich.console import Console

from infra.stack.temporal.temporal_server import TemporalServer
from tests.conftest import DatabaseUrls
from tests.order_stage import Stage, staged
from tests.workflows import transfer_scenarios as story
from workers.cli import recover
from workflows import names


@pytest.fixture(scope="module")
async def stage(
    database_url: DatabaseUrls, temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    async with staged(database_url, temporal.address, tmp_path_factory.mktemp("transfers")) as opened:
        await opened.stock("TEA", 1000)
        yield opened


async def ends(stage: Stage, transfer_id: str) -> str:
    return str(await stage.client.get_workflow_handle(names.transfer_workflow(transfer_id)).result())


async def test_the_workflow_follows_each_step_and_ends_with_the_transfer(stage: Stage) -> None:
    assert await ends(stage, await story.transfer_received(stage)) == "received"


async def test_a_late_transfer_is_a_case_once_and_can_still_be_received(stage: Stage) -> None:
    transfer_id = await story.transfer_late(stage)
    assert await ends(stage, transfer_id) == "received"
    cases = await stage.sql("SELECT opened_by FROM stock_cases WHERE transfer_id = :t", t=transfer_id)
    assert [row.opened_by for row in cases] == ["system"]


async def test_a_lost_run_is_started_again_from_the_database(stage: Stage) -> None:
    transfer_id = await story.request(stage)
    await story.shows_soon(stage, transfer_id, "requested")
    await story.ship(stage, transfer_id, {"TEA": 3})
    await story.shows(stage, transfer_id, "shipped")
    await stage.client.get_workflow_handle(names.transfer_workflow(transfer_id)).terminate("lost")
    assert (await recover.recover(stage.settings, Console(quiet=True))).transfers == 1
    await story.shows(stage, transfer_id, "shipped")
    await story.receive(stage, transfer_id, {"TEA": 3})
    assert await ends(stage, transfer_id) == "received"
