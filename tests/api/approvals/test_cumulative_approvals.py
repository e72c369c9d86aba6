"""Money that one person gives adds up: by order, and by day. A name is a person, however it is written."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.api.conftest import ApiClient, open_api, unique
from tests.api.payments.test_refunds import code, paid, refund
from tests.conftest import DatabaseUrls
from tests.factories.returns import a_return, delivered, found

DAY_MINOR = 150_000


@pytest.fixture(scope="module")
async def day(database_url: DatabaseUrls, api: ApiClient) -> AsyncIterator[ApiClient]:
    """A shop where one person gives 1,500.00 a day at most."""
    async with open_api(database_url, approval_limit_person_day_minor=DAY_MINOR) as opened:
        yield opened


async def expensive(shop: ApiClient, **changed: Any) -> str:
    """An order of 4,250.00 that is paid."""
    return await paid(shop, [{"sku": "TEA-1", "quantity": 100}], **changed)


async def request_refund(api: ApiClient, order_no: str, minor: int) -> str:
    answer = await refund(api, order_no, amount_minor=minor)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["status"])


async def parked(shop: ApiClient, order_no: str, step: str = "book", minor: int = 0) -> None:
    await shop.sql(
        "INSERT INTO parked_steps (order_no, park_no, step, error, attempts, options, amount_minor, escalate_at)"
        " VALUES (%s, 1, %s, 'refused', 1, '{retry,skip,compensate}', %s, now() + interval '1 hour')",
        order_no, step, minor,
    )  # fmt: skip


async def resolve(api: ApiClient, order_no: str, action: str = "compensate", **more: Any) -> int:
    """202 where an approver is asked; 503 where only the workflow, which is away, was."""
    body = {"action": action, "reason": "r", **more}
    return (await api.post(f"/v1/support/orders/{order_no}/resolve", body)).status_code


async def test_refunds_of_one_order_add_up(shop: ApiClient) -> None:
    order_no, other = await expensive(shop), await expensive(shop)
    assert [await request_refund(shop, order_no, minor) for minor in (100_000, 99_000, 1_000, 1)] == [
        "approved", "awaiting_approval", "awaiting_approval", "awaiting_approval",
    ]  # fmt: skip
    means = (await refund(shop, order_no, preview=True, amount_minor=1)).json()["consequence"]
    assert (means["needs_approval"], means["given_minor"]) == (True, 100_000)
    # Nobody else passes the limit in parts either; another order begins anew.
    assert await request_refund(shop.as_("finance", "ben"), order_no, 1) == "awaiting_approval"
    assert await request_refund(shop, other, 100_000) == "approved"


async def test_what_was_agreed_counts_once_and_what_was_refused_not_at_all(shop: ApiClient) -> None:
    order_no, finance = await expensive(shop), shop.as_("finance", "ben")
    assert await request_refund(shop, order_no, 40_000) == "approved"
    waiting = (await refund(shop, order_no, amount_minor=70_000)).json()
    assert await request_refund(shop, order_no, 60_000) == "approved"  # beside one that waits
    path = f"/v1/support/approvals/{waiting['approval_id']}"
    assert (await finance.post(f"{path}/refuse", {"reason": "no"})).status_code == 200
    waiting = (await refund(shop, order_no, amount_minor=70_000)).json()
    assert waiting["status"] == "awaiting_approval"
    path = f"/v1/support/approvals/{waiting['approval_id']}"
    assert (await finance.post(f"{path}/approve", {"reason": "yes"})).status_code == 200
    means = (await refund(shop, order_no, preview=True, amount_minor=1)).json()["consequence"]
    assert (means["needs_approval"], means["given_minor"]) == (True, 170_000)


async def test_refunds_at_once_do_not_slip_below_the_limit_together(shop: ApiClient) -> None:
    order_no = await expensive(shop)
    states = await asyncio.gather(*(request_refund(shop, order_no, 30_000) for _ in range(8)))
    assert sorted(states) == ["approved"] * 3 + ["awaiting_approval"] * 5


async def test_what_a_return_gave_counts_with_what_support_gives(shop: ApiClient) -> None:
    order_no = await delivered(shop, lines=[{"sku": "TEA-1", "quantity": 40}])
    made = await shop.post(f"/v1/orders/{order_no}/returns", a_return(quantity=20))
    for verb in ("receive", "inspect"):
        done = await shop.as_("warehouse", "wu").post(
            f"/v1/returns/{made.json()['return_id']}/{verb}", found(quantity=20)
        )
        assert done.status_code == 200, done.text
    assert await request_refund(shop, order_no, 15_000) == "approved"
    assert await request_refund(shop, order_no, 1) == "awaiting_approval"


async def test_undoing_an_order_adds_to_what_was_given_of_it(shop: ApiClient) -> None:
    """Promised money is not counted a second time: 850.00 are all that was ever paid for the first. What waits is."""
    small, large = await paid(shop, [{"sku": "TEA-1", "quantity": 20}]), await expensive(shop)
    for order_no in (small, large):
        assert await request_refund(shop, order_no, 60_000) == "approved"
        await parked(shop, order_no)
    assert await resolve(shop, small) == 503
    assert await resolve(shop, large) == 202
    assert await resolve(shop, large, "retry") == 503
    waiting = await expensive(shop)
    assert await request_refund(shop, waiting, 400_000) == "awaiting_approval"
    await parked(shop, waiting)
    assert await resolve(shop, waiting) == 202


async def test_money_moved_manually_adds_up(shop: ApiClient) -> None:
    order_no, other, reference = await expensive(shop), await expensive(shop), {"value": {"reference": "bank 1"}}
    await request_refund(shop, order_no, 60_000)
    await parked(shop, order_no, "return_payment", 40_001)
    assert await resolve(shop, order_no, "skip", **reference) == 202
    # A refund that is stuck is counted since it was opened.
    await request_refund(shop, other, 60_000)
    await parked(shop, other, "refund", 60_000)
    assert await resolve(shop, other, "skip", **reference) == 503
    assert await request_refund(shop, other, 40_000) == "approved"


async def test_an_act_on_a_stuck_step_counts_against_later_refunds(shop: ApiClient) -> None:
    """What is skipped counts as it is now: the whole of 850.00, whatever the step said when it stopped."""
    order_no, reference = await paid(shop, [{"sku": "TEA-1", "quantity": 20}]), {"value": {"reference": "bank 1"}}
    await parked(shop, order_no, "capture", 80_000)
    assert [await resolve(shop, order_no, "skip", **reference) for _ in range(2)] == [503, 503]
    assert await request_refund(shop, order_no, 15_000) == "approved"
    assert await request_refund(shop, order_no, 1) == "awaiting_approval"


async def test_a_person_gives_so_much_a_day_whatever_the_role_and_the_spelling(shop: ApiClient, day: ApiClient) -> None:
    name = unique("ann")
    orders = [await expensive(shop) for _ in range(3)]
    assert await request_refund(day.as_("support", name), orders[0], 100_000) == "approved"
    assert await request_refund(day.as_("support", name.upper()), orders[1], 50_001) == "awaiting_approval"
    assert await request_refund(day.as_("finance", f" {name.title()}"), orders[2], 50_000) == "approved"
    assert await request_refund(day.as_("finance", name), orders[2], 1) == "awaiting_approval"
    assert await request_refund(day.as_("support", unique("ben")), orders[2], 49_000) == "approved"
    await shop.sql(
        "DO $$ BEGIN SET session_replication_role = replica; UPDATE refunds SET created_at = now() - interval '1 day' "
        f"WHERE order_no = '{orders[0]}'; END $$"
    )
    assert await request_refund(day.as_("support", name), await expensive(shop), 100_000) == "approved"
    # Without the setting there is no such limit.
    assert await request_refund(shop.as_("support", name), await expensive(shop), 100_000) == "approved"


async def test_each_currency_has_its_day(shop: ApiClient, day: ApiClient) -> None:
    name, sku = unique("cal"), unique("EUR")
    await shop.as_("operations").post(
        "/v1/products", {"sku": sku, "name": "T", "price_minor": 100_000, "currency": "EUR"}
    )
    ann = day.as_("support", name)
    for line in ({"sku": "TEA-1", "quantity": 100}, {"sku": sku, "quantity": 2}):
        currency = {"currency": "EUR"} if line["sku"] == sku else {}
        assert await request_refund(ann, await paid(shop, [line], **currency), 100_000) == "approved"
    assert await request_refund(ann, await expensive(shop), 60_000) == "awaiting_approval"


async def test_one_person_at_two_orders_at_once_does_not_slip_below_their_day(shop: ApiClient, day: ApiClient) -> None:
    ann, orders = day.as_("support", unique("dan")), [await expensive(shop) for _ in range(5)]
    states = await asyncio.gather(*(request_refund(ann, order_no, 50_000) for order_no in orders))
    assert sorted(states) == ["approved"] * 3 + ["awaiting_approval"] * 2


async def test_a_bulk_act_beyond_a_persons_day_asks_for_all_that_moves_money(shop: ApiClient, day: ApiClient) -> None:
    orders = [await paid(shop, [{"sku": "TEA-1", "quantity": 20}]) for _ in range(2)]
    for order_no in orders:
        await parked(shop, order_no)
    error = unique("cause")
    await shop.sql("UPDATE parked_steps SET error = %s WHERE order_no = ANY(%s)", error, orders)
    body = {"filter": {"error": error}, "action": "compensate", "reason": "gone", "rate_per_s": 1}
    first = await shop.as_("support", unique("eve")).post("/v1/support/resolve", body)
    assert (first.status_code, first.json()["total"], "waiting" in first.json()) == (202, 2, False)
    limited = await day.as_("support", unique("fay")).post("/v1/support/resolve", body)
    assert (limited.status_code, limited.json()["total"], limited.json()["waiting"]) == (202, 0, 2)


@pytest.mark.parametrize("spelling", ["Ann", "ANN", " ann "])
async def test_the_approver_is_another_however_the_name_is_written(shop: ApiClient, spelling: str) -> None:
    order_no = await expensive(shop)
    waiting = (await refund(shop.as_("support", "ann"), order_no, amount_minor=100_001)).json()
    for verb in ("approve", "refuse"):
        path = f"/v1/support/approvals/{waiting['approval_id']}/{verb}"
        refused = await shop.as_("finance", spelling).post(path, {"reason": "r"})
        assert code(refused) == (403, "second_person_needed")
    assert (await shop.as_("finance", "anna").post(path, {"reason": "r"})).status_code == 200
