"""A person chooses the warehouse of a fulfilment that is not booked: the stock moves with it, in one step."""

from typing import Any

import pytest

from domain.orders.status import OrderEvent, Status
from domain.sourcing.decision import Share, SharedLine
from infra.db.orders.state import timeline
from infra.db.shipping import shipments
from infra.db.shipping.shipments import PartRef
from infra.db.stock import reservations, split_reservations
from tests.api.conftest import ApiClient
from tests.api.sourcing.test_splits import warehouse
from tests.console.conftest import sign_in
from tests.factories.order_changes import HOUSE, held, paid, parcel, placed, reserved, stocked


@pytest.fixture
def amy(shop: ApiClient) -> ApiClient:
    return shop.as_("support", "amy")


async def choose(amy: ApiClient, number: str, code: str, **more: Any) -> Any:
    return await amy.post(f"/v1/orders/{number}/sourcing", {"warehouse": code, "reason": "flood", **more})


async def levels(shop: ApiClient, sku: str) -> dict[str, tuple[int, int]]:
    """{warehouse: (on hand, reserved)}."""
    rows = await shop.sql("SELECT warehouse, on_hand, reserved FROM stock_levels WHERE sku = %s", sku)
    return {row["warehouse"]: (row["on_hand"], row["reserved"]) for row in rows}


async def an_order(shop: ApiClient, units: int = 5) -> tuple[str, str, str]:
    """Three pieces, reserved at the house; another warehouse with so many units."""
    sku = await stocked(shop)
    other = await warehouse(shop, sku, units)
    number = await placed(shop, sku)
    await reserved(shop, number)
    return number, sku, other


async def test_the_stock_moves_with_the_warehouse_and_the_parcel_is_booked_from_there(
    shop: ApiClient, amy: ApiClient
) -> None:
    number, sku, other = await an_order(shop)
    await paid(shop, number)
    answer = await choose(amy, number, other)
    assert (answer.status_code, answer.json()) == (
        200, {"order_no": number, "fulfilment_id": f"{number}-F1", "warehouse": other},
    )  # fmt: skip
    assert await levels(shop, sku) == {HOUSE: (20, 0), other: (5, 3)}
    order = (await amy.get(f"/v1/orders/{number}")).json()
    assert (order["warehouse"], order["fulfilments"][0]["warehouse"]) == (other, other)
    known = (await amy.get(f"/v1/orders/{number}/sourcing")).json()
    assert [share["warehouse"] for share in known["chosen"]] == [other]
    assert known["overridden"] == {
        "fulfilment_id": f"{number}-F1", "from_warehouse": HOUSE, "to_warehouse": other, "by": "support:amy",
    }  # fmt: skip
    entries = (await shop.as_("operations").get("/v1/audit", order_no=number)).json()["items"]
    assert [one["actor"] for one in entries if one["action"] == "order_warehouse"] == ["support:amy"]
    # There and back again.
    assert (await choose(amy, number, HOUSE)).status_code == 200
    assert (await choose(amy, number, other)).status_code == 200
    assert await levels(shop, sku) == {HOUSE: (20, 0), other: (5, 3)}
    async with shop.app.state.services.database.begin() as conn:
        opened = await shipments.open_booking(conn, PartRef(number), "sandbox")
    assert opened is not None and opened[0].warehouse == other


async def test_what_is_refused_says_why_and_changes_nothing(shop: ApiClient, amy: ApiClient) -> None:
    number, sku, other = await an_order(shop, units=2)
    before = await levels(shop, sku)
    for code, refused, status in (
        (other, "stock_short", 409), (HOUSE, "ships_from_there", 409), ("NOWHERE", "warehouse_not_found", 404),
    ):  # fmt: skip
        answer = await choose(amy, number, code)
        assert (answer.status_code, answer.json()["code"]) == (status, refused)
    unknown = await choose(amy, number, other, fulfilment_id="F-9")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "fulfilment_not_found")
    await shop.sql("UPDATE warehouses SET active = false WHERE code = %s", other)
    inactive = await choose(amy, number, other)
    assert (inactive.status_code, inactive.json()["code"]) == (422, "warehouse_inactive")
    assert (await levels(shop, sku), await held(shop, number)) == (before, {sku: 3})
    blank = await choose(amy, number, other, reason=" ")
    assert (blank.status_code, blank.json()["errors"][0]["field"]) == (422, "reason")


async def test_a_booked_fulfilment_keeps_its_warehouse(shop: ApiClient, amy: ApiClient) -> None:
    number, _, other = await an_order(shop)
    await parcel(shop, number)
    refused = await choose(amy, number, other)
    assert (refused.status_code, refused.json()["code"]) == (409, "fulfilment_booked")
    unreserved = await placed(shop, await stocked(shop))
    assert (await choose(amy, unreserved, other)).json()["code"] == "nothing_reserved"


async def test_one_of_several_parts_is_named(shop: ApiClient, amy: ApiClient) -> None:
    sku = await stocked(shop)
    second, third = await warehouse(shop, sku, 5), await warehouse(shop, sku, 5)
    number = await placed(shop, sku)
    async with shop.app.state.services.database.begin() as conn:
        await timeline.lock_order(conn, number)
        shares = [Share(HOUSE, (SharedLine(1, sku, 2),)), Share(second, (SharedLine(1, sku, 1),))]
        await split_reservations.reserve(conn, number, shares)
        data = {"warehouse": HOUSE}
        await timeline.transition(conn, number, Status.RECEIVED, OrderEvent.STOCK_RESERVED, data=data)
    assert (await choose(amy, number, third)).json()["code"] == "fulfilment_unclear"
    part = {"fulfilment_id": f"{number}-F2"}
    assert (await choose(amy, number, third, **part)).status_code == 200
    assert await levels(shop, sku) == {HOUSE: (20, 2), second: (5, 0), third: (5, 1)}
    order = (await amy.get(f"/v1/orders/{number}")).json()
    assert [one["warehouse"] for one in order["fulfilments"]] == [HOUSE, third]
    assert order["warehouse"] == HOUSE
    assert (await choose(amy, number, third, **part)).json()["code"] == "ships_from_there"
    # Two parts may have the same product at one warehouse: each keeps what is its own.
    assert (await choose(amy, number, HOUSE, **part)).status_code == 200
    assert await levels(shop, sku) == {HOUSE: (20, 3), second: (5, 0), third: (5, 0)}
    async with shop.app.state.services.database.begin() as conn:
        assert await reservations.ship(conn, number, 1) == 2
    assert await levels(shop, sku) == {HOUSE: (18, 1), second: (5, 0), third: (5, 0)}
    assert (await choose(amy, number, third, **part)).status_code == 200
    assert await levels(shop, sku) == {HOUSE: (18, 0), second: (5, 0), third: (5, 1)}


@pytest.mark.parametrize(("lang", "title"), [("en", "Ship from another warehouse"), ("zh", "更换发货仓库")])
async def test_the_page_offers_it_and_keeps_what_was_typed(shop: ApiClient, lang: str, title: str) -> None:
    number, _, other = await an_order(shop, units=2)
    path = f"/console/orders/{number}/sourcing"
    amy = await sign_in(shop, "support", lang)
    assert title in (await amy.get(path)).text
    refused = await amy.post(path, fulfilment_id=f"{number}-F1", warehouse=other, reason="flood in the hall")
    assert refused.status_code == 409 and 'value="flood in the hall"' in refused.text
    empty = await amy.post(path, fulfilment_id=f"{number}-F1", warehouse=other, reason="")
    assert empty.status_code == 422 and 'id="f-reason-error"' in empty.text
    await shop.sql("UPDATE warehouses SET active = true WHERE code = %s", other)
    dora = await sign_in(shop, "finance", lang)
    assert title not in (await dora.get(path)).text
    assert (await dora.post(path, warehouse=other, reason="x")).status_code == 403


@pytest.mark.parametrize(("promised", "informed"), [("2020-01-01", True), ("2040-01-01", False)])
async def test_the_promise_follows_the_warehouse_and_a_later_day_is_said(
    shop: ApiClient, amy: ApiClient, promised: str, informed: bool
) -> None:
    number, _, other = await an_order(shop)
    await paid(shop, number)
    await shop.sql("UPDATE fulfilments SET promised_to = %s WHERE order_no = %s", promised, number)
    assert (await choose(amy, number, other)).status_code == 200
    (part,) = (await amy.get(f"/v1/orders/{number}")).json()["fulfilments"]
    assert part["promised_to"] > "2020-01-02" and part["promised_to"] < "2040"
    events = (await amy.get(f"/v1/orders/{number}/events")).json()["items"]
    moved = [event["data"] for event in events if event["type"] == "promise_moved"]
    assert moved == ([{"until": part["promised_to"], "fulfilments": [1]}] if informed else [])
