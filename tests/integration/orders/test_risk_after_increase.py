"""A paid order that becomes more expensive than the rule for risk allows is looked at before its parcel is booked."""

from collections.abc import AsyncIterator

import pytest

from infra.stack.temporal.temporal_server import TemporalServer
from tests.api.conftest import open_api
from tests.conftest import DatabaseUrls
from tests.factories.holds import release
from tests.factories.order_changes import lines
from tests.integration.conftest import CHEAP, Office
from tests.integration.orders.test_changes import paid_and_held, patched
from tests.integration.payments.test_change_payments import THREE, order_detail, paying_by, until_event
from tests.order_stage import AS_IN_PRODUCTION, eventually, staged

LIMIT_MINOR = 5_000
SAME = ("task_queue", "deployment_name", "build_id", "master_key", "hold_risk_above_minor")


@pytest.fixture(scope="module")
async def office(
    database_url: DatabaseUrls, temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Office]:
    folder = tmp_path_factory.mktemp("dearer")
    async with staged(
        database_url, temporal.address, folder, hold_risk_above_minor=LIMIT_MINOR, **AS_IN_PRODUCTION
    ) as stage:
        await stage.stock(CHEAP, 1000, price_minor=2_000)
        same = {name: getattr(stage.settings, name) for name in SAME}
        async with open_api(database_url, temporal_address=temporal.address, workflow_timeout_s=60, **same) as api:
            yield Office(stage, api)


async def holds_of(office: Office, order_no: str) -> list[tuple[str, str]]:
    holds = (await order_detail(office, order_no))["holds"]
    return [(hold["kind"], hold["put_on_by"]) for hold in holds if hold["closed_at"] is None]


async def test_above_the_limit_it_is_held_until_somebody_looked(office: Office) -> None:
    order_no = await paid_and_held(office)
    assert (await patched(office, order_no, paying_by())).status_code == 200
    await until_event(office, order_no, "order_changed")
    await release(office.stage, order_no, 1)

    async def risk() -> bool:
        return await holds_of(office, order_no) == [("risk", "system")]

    await eventually(risk)
    assert await office.stage.status(order_no) == "paid"
    await release(office.stage, order_no, 2)
    await office.stage.reaches(order_no, "preparing")
    assert (await office.stage.events(order_no)).count("hold_put_on") == 2


@pytest.mark.parametrize("body", [lines(**{CHEAP: 2}) | {"payment": paying_by()["payment"]}, paying_by("tok_decline")])
async def test_below_it_or_declined_nobody_is_asked(office: Office, body: dict[str, object]) -> None:
    order_no = await paid_and_held(office)
    assert (await patched(office, order_no, body)).status_code == 200
    await until_event(office, order_no, "change_undone" if body | THREE == body else "order_changed")
    await release(office.stage, order_no, 1)
    await office.stage.reaches(order_no, "preparing")
    assert (await office.stage.events(order_no)).count("hold_put_on") == 1
