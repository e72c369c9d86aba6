"""Lines are named by number: two lines of one SKU at different prices are refunded, returned, exchanged and changed
each separately; a SKU alone means its lines in the order of their numbers, in every act."""

from typing import Any

import httpx
import pytest

from tests.api.conftest import ApiClient, an_order, unique
from tests.factories.order_changes import HOUSE, reserved
from tests.factories.returns import a_return, delivered

DEAR, CHEAP = 1_000, 800
LINES = [
    {"sku": "TEA-1", "quantity": 1, "unit_price_minor": DEAR},
    {"sku": "TEA-1", "quantity": 2, "unit_price_minor": CHEAP},
]


async def at_home(shop: ApiClient, **changed: Any) -> str:
    """One piece at 10.00, two of the same at 8.00, at their customer's door."""
    return await delivered(shop.as_("channel", "web"), lines=LINES, **changed)


async def refunding(shop: ApiClient, order_no: str, lines: list[dict[str, Any]]) -> httpx.Response:
    return await shop.post(f"/v1/orders/{order_no}/refunds?preview=true", {"lines": lines, "reason": "r"})


async def returning(shop: ApiClient, order_no: str, lines: list[dict[str, Any]], **more: Any) -> httpx.Response:
    return await shop.post(f"/v1/orders/{order_no}/returns?preview=true", a_return(lines=lines, **more))


ACTIONS = {"refund": refunding, "return": returning}
# What is named, the pieces of each line that are meant, and what they are worth.
NAMED: dict[str, tuple[list[dict[str, Any]], dict[int, int], int]] = {
    "the second line": ([{"line_no": 2, "quantity": 1}], {2: 1}, CHEAP),
    "both": ([{"line_no": 2, "quantity": 2}, {"line_no": 1, "quantity": 1}], {1: 1, 2: 2}, DEAR + 2 * CHEAP),
    "number and SKU": ([{"line_no": 2, "sku": "TEA-1", "quantity": 2}], {2: 2}, 2 * CHEAP),
    "the SKU: the first line first": ([{"sku": "TEA-1", "quantity": 2}], {1: 1, 2: 1}, DEAR + CHEAP),
    "numbers before SKUs": (
        [{"sku": "TEA-1", "quantity": 1}, {"line_no": 1, "quantity": 1}], {1: 1, 2: 1}, DEAR + CHEAP,
    ),
}  # fmt: skip
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "another's SKU": ({"line_no": 2, "sku": "TEA-2", "quantity": 1}, "line_sku_mismatch"),
    "no such line": ({"line_no": 3, "quantity": 1}, "unknown_line"),
    "no such SKU": ({"sku": "TEA-2", "quantity": 1}, "unknown_line"),
    "neither": ({"quantity": 1}, "line_not_named"),
    "line 0": ({"line_no": 0, "quantity": 1}, "validation_failed"),
    "a number in words": ({"line_no": "2", "quantity": 1}, "validation_failed"),
}


@pytest.mark.parametrize("action", ACTIONS)
async def test_each_line_is_named_by_its_number_and_a_sku_follows_one_rule(shop: ApiClient, action: str) -> None:
    order_no = await at_home(shop)
    for name, (lines, pieces, worth) in NAMED.items():
        body = (await ACTIONS[action](shop, order_no, lines)).json()["consequence"]
        assert {line["line_no"]: line["quantity"] for line in body["lines"]} == pieces, name
        assert (body if action == "refund" else body["refund"])["amount_minor"] == worth, name
    for name, (line, code) in REFUSED.items():
        refused = await ACTIONS[action](shop, order_no, [line])
        assert (refused.status_code, refused.json()["code"]) == (422, code), name
    too_many = await ACTIONS[action](shop, order_no, [{"line_no": 1, "quantity": 2}])
    code = {"refund": "refund_exceeds_captured", "return": "return_exceeds_delivered"}[action]
    assert (too_many.status_code, too_many.json()["code"]) == (409, code)


async def test_what_went_back_of_a_line_is_its_own(shop: ApiClient) -> None:
    """The rule goes by what is left: after line 1 is refunded, the SKU means line 2."""
    order_no = await at_home(shop)
    done = await shop.post(f"/v1/orders/{order_no}/refunds", {"lines": [{"line_no": 1, "quantity": 1}], "reason": "r"})
    assert done.json()["amount_minor"] == DEAR
    body = (await refunding(shop, order_no, [{"sku": "TEA-1", "quantity": 1}])).json()["consequence"]
    assert [line["line_no"] for line in body["lines"]] == [2]


async def test_an_exchange_is_of_the_line_that_is_named(shop: ApiClient) -> None:
    order_no = await at_home(shop)
    answer = await returning(shop, order_no, [{"line_no": 2, "quantity": 1}], resolution="exchange")
    assert answer.json()["consequence"]["exchange"]["value_minor"] == CHEAP


@pytest.mark.parametrize("named", [{"line_no": 2}, {"line_no": 2, "sku": "TEA-1"}])
async def test_a_line_is_received_and_inspected_by_its_number(shop: ApiClient, named: dict[str, Any]) -> None:
    order_no = await at_home(shop)
    lines = [{"line_no": 1, "quantity": 1}, {"line_no": 2, "quantity": 2}]
    return_id = (await shop.post(f"/v1/orders/{order_no}/returns", a_return(lines=lines))).json()["return_id"]
    path, warehouse = f"/v1/returns/{return_id}", shop.as_("warehouse", "wu")
    for line, code in ((REFUSED["another's SKU"]), (REFUSED["no such line"]), (REFUSED["neither"])):
        refused = await warehouse.post(f"{path}/receive", {"lines": [line | {"condition": "as_new"}]})
        assert (refused.status_code, refused.json()["code"]) == (422, code)
    body = {"lines": [named | {"quantity": 2, "condition": "as_new"}]}
    got = await warehouse.post(f"{path}/receive", body)
    assert [line["received"] for line in got.json()["lines"]] == [{"missing": 1}, {"as_new": 2}]
    done = await warehouse.post(f"{path}/inspect", body)
    assert [line["inspected"] for line in done.json()["lines"]] == [{"missing": 1}, {"as_new": 2}]
    assert done.json()["refund"]["amount_minor"] == 2 * CHEAP


async def test_a_sku_is_received_by_the_same_rule(shop: ApiClient) -> None:
    order_no = await at_home(shop)
    made = await shop.post(f"/v1/orders/{order_no}/returns", a_return(quantity=3))
    body = {"lines": [{"sku": "TEA-1", "quantity": 2, "condition": "as_new"}]}
    got = await shop.as_("warehouse", "wu").post(f"/v1/returns/{made.json()['return_id']}/receive", body)
    assert [line["received"] for line in got.json()["lines"]] == [{"as_new": 1}, {"as_new": 1, "missing": 1}]


CHANGES: dict[str, tuple[list[dict[str, Any]], list[tuple[int, int, int]]]] = {
    "fewer of the second": (
        [{"line_no": 1, "quantity": 1}, {"line_no": 2, "quantity": 1}], [(1, 1, DEAR), (2, 1, CHEAP)],
    ),
    "without the first": ([{"line_no": 2, "quantity": 2}], [(1, 0, DEAR), (2, 2, CHEAP)]),
    "more of the first, at its price": (
        [{"line_no": 1, "quantity": 3}, {"line_no": 2, "quantity": 2}], [(1, 1, DEAR), (2, 2, CHEAP), (3, 2, DEAR)],
    ),
    "by SKU: off the first line first": ([{"sku": "TEA-1", "quantity": 2}], [(1, 0, DEAR), (2, 2, CHEAP)]),
    "a number, and the SKU for the rest": (
        [{"line_no": 2, "quantity": 2}, {"sku": "TEA-1", "quantity": 1}], [(1, 1, DEAR), (2, 2, CHEAP)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
async def test_each_line_is_changed_separately(shop: ApiClient, name: str) -> None:
    wanted, after = CHANGES[name]
    channel = shop.as_("channel", "web")
    order_no = str((await channel.post("/v1/orders", an_order(lines=LINES, payment=None))).json()["order_no"])
    await shop.as_("warehouse").post(
        "/v1/stock/receipts", {"sku": "TEA-1", "quantity": 9, "reference": unique("PO"), "warehouse": HOUSE}
    )
    await reserved(shop, order_no)
    path = f"/v1/orders/{order_no}"
    for line, code in (REFUSED["another's SKU"], REFUSED["no such line"], REFUSED["neither"]):
        refused = await patch(shop, path, [line])
        assert (refused.status_code, refused.json()["code"]) == (422, code)
    changed = await patch(shop, path, wanted)
    assert changed.status_code == 200, changed.text
    rows = await shop.sql(
        "SELECT line_no, (quantity - cancelled_quantity)::int AS n, unit_price_minor FROM order_lines"
        " WHERE order_no = %s ORDER BY 1", order_no,
    )  # fmt: skip
    assert [(row["line_no"], row["n"], row["unit_price_minor"]) for row in rows] == after


async def patch(shop: ApiClient, path: str, lines: list[dict[str, Any]]) -> httpx.Response:
    headers = shop.headers | {"If-Match": "*", "Idempotency-Key": unique("key")}
    return await shop.http.patch(path, json={"lines": lines}, headers=headers)
