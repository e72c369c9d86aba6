"""The same unpaid order costs the same, whatever changes led to it; what is paid stays as it was."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.api.conftest import ApiClient, an_order, open_api
from tests.conftest import DatabaseUrls
from tests.examples import few
from tests.factories import order_changes
from tests.factories.order_changes import change, lines, stocked

FEE, FREE_FROM = 450, 3_000
PRICES = (1_000, 333)
SUMS = ("items_minor", "discount_minor", "shipping_minor", "tax_minor", "tax_added_minor", "total_minor")
WANTED = st.tuples(*(st.integers(0, 5) for _ in PRICES)).filter(any)
NAMED = st.sampled_from(
    [{}, {"discount_minor": 700}, {"shipping_minor": 0}, {"discount_minor": 2_500, "shipping_minor": 90}]
)


async def placed(api: ApiClient, units: dict[str, int], **changed: Any) -> str:
    wanted = [{"sku": sku, "quantity": quantity} for sku, quantity in units.items()]
    answer = await api.post("/v1/orders", an_order(payment=None, lines=wanted, **changed))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["order_no"])


async def sums(shop: ApiClient, number: str) -> dict[str, int]:
    order = (await shop.get(f"/v1/orders/{number}")).json()
    for name in ("discount_minor", "shipping_minor", "tax_minor"):
        assert sum(line[name] for line in order["lines"]) == order[name], name
    return {name: order[name] for name in SUMS if name in order}


async def changed(shop: ApiClient, number: str, units: dict[str, int]) -> int:
    """What the order costs after it, as it was previewed."""
    answer = await change(shop, number, lines(**units), preview=True)
    done = await change(shop, number, lines(**units))
    assert done.status_code == 200, done.text
    assert answer.json()["total_after_minor"] == done.json()["total_after_minor"]
    return int(done.json()["total_after_minor"])


async def test_fewer_and_as_many_again_costs_what_it_cost(database_url: DatabaseUrls, shop: ApiClient) -> None:
    """Also the charge for sending, and the value from which sending is free."""
    async with open_api(database_url, shipping_fee_minor=FEE, free_shipping_from_minor=FREE_FROM) as api:
        support = api.as_("support", "amy")
        sku = await stocked(support)
        number = await order_changes.placed(support, sku, 2)
        assert [await changed(support, number, {sku: n}) for n in (4, 1, 2, 3, 2)] == [
            4_000,
            1_450,
            2_450,
            3_000,
            2_450,
        ]
        channel = api.as_("channel", "web")
        number = await placed(channel, {sku: 4}, discount_minor=1_200)
        assert [await changed(support, number, {sku: n}) for n in (1, 4, 5)] == [450, 2_800 + FEE, 3_800]
        free = await placed(channel, {sku: 4}, shipping_minor=0)
        assert [await changed(support, free, {sku: n}) for n in (1, 4)] == [1_000, 4_000]


async def test_goods_that_come_back_cost_what_they_cost(shop: ApiClient) -> None:
    """Also where the channel named their prices, one for each line."""
    sku, other = await stocked(shop), await stocked(shop)
    wanted = [{"sku": sku, "quantity": 1, "unit_price_minor": price} for price in (333, 900)]
    answer = await shop.as_("channel", "web").post("/v1/orders", an_order(payment=None, lines=wanted))
    number = answer.json()["order_no"]
    for named, total in (({"line_no": 2, "quantity": 1}, 900), ({"line_no": 2, "quantity": 2}, 1_800)):
        assert (await change(shop, number, {"lines": [named]})).json()["total_after_minor"] == total
    assert await changed(shop, number, {sku: 2}) == 1_233
    steps = [{sku: 1}, {sku: 2}, {other: 1}, {sku: 1}, {sku: 3}, {sku: 2}]
    assert [await changed(shop, number, units) for units in steps] == [900, 1_233, 1_000, 900, 2_133, 1_233]


async def test_what_is_paid_stays_frozen(database_url: DatabaseUrls, shop: ApiClient) -> None:
    async with open_api(database_url, shipping_fee_minor=FEE, free_shipping_from_minor=FREE_FROM) as api:
        support = api.as_("support", "amy")
        sku = await stocked(support)
        number = await order_changes.placed(support, sku, 4)
        await order_changes.reserved(support, number)
        await order_changes.paid(support, number)
        answer = (await change(support, number, lines(**{sku: 1}))).json()
        assert (answer["refund_minor"], answer["total_after_minor"]) == (3_000, 1_000)


@pytest.mark.parametrize("included", [True, False])
def test_any_changes_that_end_in_the_same_lines_end_in_the_same_total(
    database_url: DatabaseUrls, included: bool
) -> None:
    terms = {"shipping_fee_minor": FEE, "free_shipping_from_minor": FREE_FROM, "tax_rate_bp": 1_300}

    async def reported(
        api: ApiClient, first: tuple[int, ...], named: dict[str, int], steps: list[tuple[int, ...]]
    ) -> None:
        shop, channel = api.as_("support", "amy"), api.as_("channel", "web")
        skus = [await stocked(shop, price) for price in PRICES]
        wanted = [{sku: n for sku, n in zip(skus, units, strict=True) if n} for units in (first, *steps)]
        if sum(price * n for price, n in zip(PRICES, first, strict=True)) < named.get("discount_minor", 0):
            return
        number = await placed(channel, wanted[0], **named)
        for units in wanted[1:]:
            await changed(shop, number, units)
        items = sum(price * n for price, n in zip(PRICES, steps[-1], strict=True))
        at_once = named | ({"discount_minor": min(named["discount_minor"], items)} if "discount_minor" in named else {})
        assert await sums(shop, number) == await sums(shop, await placed(channel, wanted[-1], **at_once))

    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        api = runner.run(stack.enter_async_context(open_api(database_url, **terms, tax_included=included)))

        @few(6)
        @given(WANTED, NAMED, st.lists(WANTED, min_size=1, max_size=4))
        def any_changes(first: tuple[int, ...], named: dict[str, int], steps: list[tuple[int, ...]]) -> None:
            runner.run(reported(api, first, named, steps))

        try:
            any_changes()
        finally:
            runner.run(stack.aclose())
