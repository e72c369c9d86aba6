"""A circuit that is open is no attempt: an outage parks nobody before the patience of a step is over."""

import time
from pathlib import Path

import pytest
from temporalio.exceptions import ApplicationError

from activities.retry_limits import Patience, Tried, judged
from infra.db.support import parked_groups
from infra.stack.temporal.temporal_server import TemporalServer
from infra.temporal import running_activities
from tests.conftest import DatabaseUrls
from tests.order_stage import Stage, eventually, staged
from workflows import names

ORDERS = 12


async def tries(stage: Stage, order_no: str) -> int:
    """How often Temporal has tried the step that the order is at; 0 when it is at none."""
    found = await running_activities.under_way(stage.client, names.order_workflow(order_no))
    return max((one.attempt for one in found.activities), default=0)


async def test_an_outage_with_many_orders_parks_none(
    database_url: DatabaseUrls, temporal: TemporalServer, tmp_path: Path
) -> None:
    """Each is kept back more often than it has attempts, and those that ask whether the provider is back are no worse
    off."""
    down = {"breaker_failures": 3, "breaker_reset_s": 0.1, "gateway_attempts": 3, "gateway_patience_s": 600.0}
    async with staged(database_url, temporal.address, tmp_path, **down) as stage:
        await stage.stock("TEA", ORDERS)
        stage.fault("payments", "down")
        orders = [await stage.place() for _ in range(ORDERS)]

        async def kept_back() -> bool:
            return all([await tries(stage, order_no) > 6 for order_no in orders])

        await eventually(kept_back, 60)
        rows = await stage.sql("SELECT attempt, max_attempts FROM retrying_steps WHERE order_no = ANY(:o)", o=orders)
        assert len(rows) == ORDERS
        assert {row.max_attempts for row in rows} == {3}
        assert all(row.attempt < 3 for row in rows)
        stage.sandbox.http.delete("/faults")
        for order_no in orders:
            await stage.reaches(order_no, "preparing", 60)
            assert "step_parked" not in await stage.events(order_no)


async def test_what_an_open_circuit_keeps_back_parks_when_its_time_is_over_and_names_the_cause(
    database_url: DatabaseUrls, temporal: TemporalServer, tmp_path: Path
) -> None:
    once = {"breaker_failures": 1, "breaker_reset_s": 0.2, "gateway_attempts": 2, "gateway_patience_s": 0.5}
    async with staged(database_url, temporal.address, tmp_path, **once) as stage:
        await stage.stock("TEA", 10)
        order_no = await stage.place()
        stage.fault("carriers", "down")
        row = await stage.parked(order_no)
        assert (row.step, row.error, row.provider, row.attempts) == ("book", "http_503", "sandbox", 1)
        async with stage.database.begin() as conn:
            groups = await parked_groups.groups(conn)
        assert [(one.orders, one.failing) for one in groups if one.error == "http_503"] == [(1, 0)]
        assert not [one for one in groups if one.error == "circuit_open"]
        await stage.sql("UPDATE parked_steps SET resolved_at = now() WHERE order_no = :o", o=order_no)


def failure(code: str = "circuit_open") -> ApplicationError:
    return ApplicationError(code, "sandbox", 9, "http_500", type=code)


@pytest.mark.parametrize(
    ("tried", "final"),
    [
        (Tried(4, 119.0), False),
        (Tried(5, 1.0), True),
        (Tried(0, 120.0), True),
    ],
)
def test_a_step_is_over_by_its_real_failures_or_by_its_time(tried: Tried, final: bool) -> None:
    reported = judged(failure(), tried, Patience(5, 120.0))
    assert (reported.non_retryable, reported.type, reported.details) == (
        final,
        "circuit_open",
        ("sandbox", tried.failures, "http_500"),
    )


def test_what_is_kept_back_takes_time_and_is_no_attempt_and_a_workers_absence_is_no_waiting() -> None:
    now = time.time()
    first = Tried().again(real=True, now=now)
    assert first == Tried(1, 0.0, now)
    assert first.again(real=False, now=now + 10) == Tried(1, 10.0, now + 10)
    assert first.again(real=False, now=now + 3600) == Tried(1, 30.0, now + 3600)
    assert first.again(real=False, now=now - 3600) == Tried(1, 0.0, now - 3600)
