"""A hold of an order that ships in several parts: it stops those that are not booked."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from domain.errors import Conflict
from infra.stack.temporal.temporal_server import TemporalServer
from tests.conftest import DatabaseUrls
from tests.factories.holds import hold, release
from tests.order_stage import Stage, eventually, staged
from tests.workflows.scenarios import noted
from tests.workflows.split_orders import (
    arrive,
    booked,
    fulfilments,
    part_says,
    partly,
    second_warehouse,
    split_order,
)
from workflows import names


@pytest.fixture(scope="module")
async def stage(
    database_url: DatabaseUrls, temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    async with staged(database_url, temporal.address, tmp_path_factory.mktemp("part-holds")) as opened:
        await second_warehouse(opened)
        yield opened


async def statuses(stage: Stage, order_no: str) -> list[str]:
    return [part.status for part in await fulfilments(stage, order_no)]


async def outcomes(stage: Stage, order_no: str) -> list[str | None]:
    rows = await stage.sql("SELECT outcome FROM holds WHERE order_no = :o ORDER BY hold_no", o=order_no)
    return [row.outcome for row in rows]


async def held_beside_a_booked_part(stage: Stage, **changed: Any) -> tuple[str, str, int]:
    """An order whose first part is booked and whose second waits for stock, then held; with its SKU and the hold."""
    order_no, sku = await partly(stage)
    await booked(stage, order_no, 1)
    await eventually(lambda: _is_preparing(stage, order_no))
    return order_no, sku, await hold(stage, order_no, "address", **changed)


async def _is_preparing(stage: Stage, order_no: str) -> bool:
    return await stage.status(order_no) == "preparing"


async def test_what_is_booked_goes_on_and_the_rest_waits_for_the_release(stage: Stage) -> None:
    order_no, sku, hold_no = await held_beside_a_booked_part(stage)
    await arrive(stage, sku, 10)
    await stage.handle(order_no).signal(names.STOCK_ARRIVED)
    await part_says(stage, order_no, 1, "picked_up", "delivered")
    await eventually(lambda: _has(stage, order_no, ["delivered", "planned"]))
    assert await outcomes(stage, order_no) == [None]
    await release(stage, order_no, hold_no)
    await stage.handle(order_no).signal(names.STOCK_ARRIVED)
    await booked(stage, order_no, 2)
    await part_says(stage, order_no, 2, "delivered")
    await stage.reaches(order_no, "completed")


async def _has(stage: Stage, order_no: str, wanted: list[str]) -> bool:
    return await statuses(stage, order_no) == wanted


async def test_once_all_parts_are_booked_it_is_too_late(stage: Stage) -> None:
    order_no = await split_order(stage)
    for number in (1, 2):
        await booked(stage, order_no, number)
    await eventually(lambda: _has(stage, order_no, ["booked", "booked"]))
    with pytest.raises(Conflict) as refused:
        await hold(stage, order_no, "address")
    assert refused.value.code == "too_late_to_hold"


async def test_a_hold_that_nobody_releases_ends_at_its_deadline_beside_a_booked_part(stage: Stage) -> None:
    order_no, sku, _ = await held_beside_a_booked_part(stage, deadline_s=1, escalate_s=1)
    await noted(stage, order_no, "hold_expired")
    await arrive(stage, sku, 10)
    await stage.handle(order_no).signal(names.STOCK_ARRIVED)
    await booked(stage, order_no, 2)
    assert await outcomes(stage, order_no) == ["expired"]


async def test_a_hold_that_cancels_recalls_what_is_booked(stage: Stage) -> None:
    order_no, _, _ = await held_beside_a_booked_part(stage, outcome="cancel", deadline_s=1, escalate_s=1)
    await stage.reaches(order_no, "cancelled")
    assert stage.parcels(order_no) == ["cancelled"]
