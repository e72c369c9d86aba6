"""A supplier that does not answer in time is support's matter."""

from collections.abc import AsyncIterator

import pytest

from infra.stack.temporal.temporal_server import TemporalServer
from tests.conftest import DatabaseUrls
from tests.order_stage import Stage, eventually, staged
from tests.workflows.scenarios import resolved
from tests.workflows.suppliers import delivered, is_over, ships, supplied, supplier


@pytest.fixture(scope="module")
async def hasty(
    database_url: DatabaseUrls, temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    """Suppliers have a second to answer."""
    folder = tmp_path_factory.mktemp("hasty")
    async with staged(database_url, temporal.address, folder, supplier_timeout_s=1) as opened:
        await supplier(opened)
        yield opened


async def test_a_supplier_that_does_not_answer_is_supports_matter_until_it_ships(hasty: Stage) -> None:
    sku = await supplied(hasty)
    order_no = await hasty.place(sku, 1)
    parked = await hasty.parked(order_no)
    assert (parked.step, parked.error) == ("deliver", "supplier_silent")
    await ships(hasty, order_no)
    await hasty.reaches(order_no, "shipped")
    await is_over(hasty, order_no)
    await delivered(hasty, order_no)
    await hasty.reaches(order_no, "completed")


async def test_support_gives_a_supplier_more_time(hasty: Stage) -> None:
    order_no = await hasty.place(await supplied(hasty), 1)
    await hasty.parked(order_no)
    await resolved(hasty, order_no, "retry")
    await eventually(lambda: hasty.sql("SELECT 1 FROM parked_steps WHERE order_no = :o AND park_no = 2", o=order_no))
    assert "supplier_extended" in await hasty.events(order_no)
    assert "delivery_extended" not in await hasty.events(order_no), "no message to the customer"
