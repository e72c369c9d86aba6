"""Refunds and returns know each other: pieces on an open return are not refunded by oversight, and a return says what
was refunded beside it."""

from typing import Any

from tests.api.after_sales.test_lines import CHEAP, DEAR, at_home
from tests.api.conftest import ApiClient
from tests.api.payments.test_refunds import code, refund
from tests.factories.returns import a_return


async def request_return(shop: ApiClient, order_no: str, lines: list[dict[str, Any]]) -> str:
    made = await shop.post(f"/v1/orders/{order_no}/returns", a_return(lines=lines))
    assert made.status_code == 201, made.text
    return str(made.json()["return_id"])


async def test_pieces_on_an_open_return_are_announced_and_refused_unless_they_are_meant(shop: ApiClient) -> None:
    order_no = await at_home(shop)
    return_id = await request_return(shop, order_no, [{"line_no": 2, "quantity": 1}])
    free, both = [{"line_no": 2, "quantity": 1}], [{"line_no": 2, "quantity": 2}]
    assert (await refund(shop, order_no, preview=True, lines=free)).json()["consequence"]["on_returns"] == []
    means = (await refund(shop, order_no, preview=True, lines=both)).json()["consequence"]
    held = {"return_id": return_id, "return_no": 1, "line_no": 2, "sku": "TEA-1", "quantity": 1}
    assert means["on_returns"] == [held]
    before = await shop.row_counts()
    refused = await refund(shop, order_no, lines=both)
    assert code(refused) == (409, "pieces_on_return") and "despite_returns" in refused.json()["detail"]
    assert await shop.row_counts() == before
    # The first piece is free, the next is not; line 1 was never on the return.
    assert (await refund(shop, order_no, lines=free)).status_code == 201
    assert code(await refund(shop, order_no, lines=free)) == (409, "pieces_on_return")
    assert (await refund(shop, order_no, lines=[{"line_no": 1, "quantity": 1}])).status_code == 201
    meant = await refund(shop, order_no, lines=free, despite_returns=True)
    assert (meant.status_code, meant.json()["amount_minor"]) == (201, CHEAP)


async def test_the_return_says_what_was_refunded_beside_it_and_brings_no_more(shop: ApiClient) -> None:
    order_no = await at_home(shop, customer={"id": "c-17", "name": "Li", "email": None, "phone": None})
    return_id = await request_return(shop, order_no, [{"line_no": 1, "quantity": 1}, {"line_no": 2, "quantity": 2}])
    me, path = shop.as_("customer", "c-17"), f"/v1/returns/{return_id}"
    assert (await me.get(path)).json()["already_refunded"] is None
    await refund(shop, order_no, lines=[{"line_no": 2, "quantity": 1}], despite_returns=True)
    content = {"quantity": 1, "amount_minor": CHEAP, "currency": "CNY"}
    assert (await me.get(path)).json()["already_refunded"] == content
    lines = [{"line_no": 1, "quantity": 1, "condition": "as_new"}, {"line_no": 2, "quantity": 2, "condition": "as_new"}]
    for verb in ("receive", "inspect"):
        done = await shop.as_("warehouse", "wu").post(f"{path}/{verb}", {"lines": lines})
        assert done.status_code == 200, done.text
    body = (await me.get(path)).json()
    assert (body["refund"]["amount_minor"], body["already_refunded"]) == (DEAR + CHEAP, content)


async def test_a_return_that_is_over_holds_nothing_and_pieces_beside_it_are_none_of_its(shop: ApiClient) -> None:
    order_no = await at_home(shop)
    return_id = await request_return(shop, order_no, [{"line_no": 2, "quantity": 1}])
    await refund(shop, order_no, lines=[{"line_no": 2, "quantity": 1}])
    assert (await shop.get(f"/v1/returns/{return_id}")).json()["already_refunded"] is None
    assert (await shop.post(f"/v1/returns/{return_id}/cancel")).status_code == 200
    assert (await refund(shop, order_no, lines=[{"line_no": 2, "quantity": 1}])).status_code == 201
