"""Beyond a limit of orders that wait to be begun no more are kept; what was kept stays, and staff see how many wait."""

from collections.abc import AsyncIterator

import pytest

from infra.settings import Settings
from tests.api.conftest import ApiClient, an_order, open_api, unique
from tests.conftest import DatabaseUrls
from tests.console.conftest import sign_in


@pytest.fixture(scope="module")
async def full(shop: ApiClient, database_url: DatabaseUrls) -> AsyncIterator[ApiClient]:
    """A front door that takes no more once two wait; without Temporal nothing begins."""
    async with open_api(database_url, backlog_limit=2) as api:
        yield api.as_("support", "amy")


async def test_beyond_the_limit_orders_are_refused_and_those_that_were_kept_stay(full: ApiClient) -> None:
    watch = full.app.state.services.backlog
    await full.sql("DELETE FROM workflow_requests")
    await watch.poll()
    key = unique("kept")
    response = [await full.post("/v1/orders", an_order(), key=key), await full.post("/v1/orders", an_order())]
    assert [answer.status_code for answer in response] == [201, 201]
    await watch.poll()
    refused_key = unique("refused")
    refused = await full.post("/v1/orders", an_order(), key=refused_key)
    assert (refused.status_code, refused.json()["code"]) == (503, "backlog_full")
    assert refused.headers["content-type"] == "application/problem+json"
    assert int(refused.headers["retry-after"]) == 30
    again = await full.post("/v1/orders", an_order(), key=key)
    assert (again.status_code, again.json()) == (201, response[0].json())
    numbers = [answer.json()["order_no"] for answer in response]
    rows = await full.sql("SELECT subject FROM workflow_requests WHERE kind = 'start_order' ORDER BY request_id")
    assert [row["subject"] for row in rows] == numbers
    assert (await full.get(f"/v1/orders/{numbers[0]}")).status_code == 200
    body = (await full.get("/v1/backlog")).json()
    assert (body["waiting"], body["limit"], body["accepting"]) == (2, 2, False)
    await full.sql("DELETE FROM workflow_requests WHERE subject = %s", numbers[0])
    await watch.poll()
    assert (await full.post("/v1/orders", an_order(), key=refused_key)).status_code == 201


async def test_the_board_says_how_many_wait_and_for_how_long_in_both_languages(full: ApiClient) -> None:
    await full.sql("DELETE FROM workflow_requests")
    english, chinese = await sign_in(full, "support"), await sign_in(full, "support", "zh")
    assert "waiting to be processed" not in (await english.get("/console/orders")).text
    await full.sql(
        "INSERT INTO workflow_requests (kind, subject, created_at) SELECT 'start_order', 'O-' || n,"
        " now() - interval '3 minutes 2 seconds' FROM generate_series(1, 3) n"
    )
    await full.app.state.services.backlog.poll()
    for page, reported in (
        (
            await english.get("/console/orders"),
            ("waiting to be processed: 3; the oldest has waited 3 min ", "no new orders are accepted"),
        ),
        (await chinese.get("/console/orders"), ("等待开始处理的订单：3，最早的已等待 3 分 ", "暂不接受新订单")),
    ):
        assert page.status_code == 200
        assert all(words in page.text for words in reported)
    body = (await full.get("/v1/backlog")).json()
    assert body["oldest_s"] >= 182
    await full.sql("DELETE FROM workflow_requests")
    await full.app.state.services.backlog.poll()


def test_the_limit_is_far_above_what_a_long_outage_collects() -> None:
    assert Settings().backlog_limit >= 24 * 3600 * 10
