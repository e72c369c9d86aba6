"""Holds and priority in the console."""

from tests.api.conftest import ApiClient, an_order, unique
from tests.console.conftest import StaffBrowser, sign_in


async def placed(browser: StaffBrowser) -> str:
    return str((await browser.api.post("/v1/orders", an_order())).json()["order_no"])


async def test_support_holds_an_order_and_lets_it_go_on(support: StaffBrowser) -> None:
    order_no = await placed(support)
    page = await support.get(f"/console/orders/{order_no}/hold")
    assert "Put on hold" in page.text
    fields = {"kind": "address", "reason": "no such street", "hours": "3", "key": unique("key")}
    for _ in range(2):  # sent twice, held once
        assert (await support.post(f"/console/orders/{order_no}/hold", **fields)).status_code == 303
    page = await support.get(f"/console/orders/{order_no}/hold")
    assert "no such street" in page.text
    assert f"{support.name} (support)" in page.text
    assert 'value="address"' not in page.text
    assert "the order is cancelled" in (await support.get(f"/console/orders/{order_no}")).text
    released = await support.post(f"/console/orders/{order_no}/holds/1/release", reason="he wrote again")
    assert released.status_code == 303
    page = await support.get(f"/console/orders/{order_no}/hold")
    assert "released" in page.text
    assert "he wrote again" in page.text


async def test_what_may_not_be_is_reported_on_a_page(support: StaffBrowser) -> None:
    order_no = await placed(support)
    path = f"/console/orders/{order_no}/hold"
    for fields, status, reported in (
        ({"kind": "manual", "reason": " "}, 422, "A reason is required"),
        ({"kind": "", "reason": "x"}, 422, "Choose one."),
        ({"kind": "whim", "reason": "x"}, 422, "Some of the input is not valid"),
        ({"kind": "manual", "reason": "x", "hours": "soon"}, 422, "Enter a whole number of hours"),
        ({"kind": "manual", "reason": "x", "hours": "0"}, 422, "Enter a whole number of hours"),
        ({"kind": "manual", "reason": "x", "owner": "customer"}, 422, "unknown_owner"),
    ):
        page = await support.post(path, **fields)
        assert page.status_code == status, fields
        assert reported in page.text, fields
    assert not await support.api.sql("SELECT 1 FROM holds WHERE order_no = %s", order_no)
    assert (await support.post(path, kind="risk", reason="x")).status_code == 303
    refused = await support.post(f"/console/orders/{order_no}/holds/1/release", reason="x")
    assert refused.status_code == 403
    assert "released by finance" in refused.text


async def test_open_holds_are_listed_and_filtered(support: StaffBrowser, shop: ApiClient) -> None:
    order_no = await placed(support)
    await support.post(f"/console/orders/{order_no}/hold", kind="payment", reason="x", hours="1")
    finance = await sign_in(shop, "finance")
    assert order_no in (await finance.get("/console/holds")).text
    assert order_no in (await finance.get("/console/holds?kind=payment&owner=finance")).text
    assert order_no not in (await finance.get("/console/holds?kind=stock")).text
    assert (await finance.get("/console/holds?kind=whim")).status_code == 422


async def test_the_board_filters_by_hold_priority_and_warehouse(support: StaffBrowser) -> None:
    order_no = await placed(support)
    await support.post(f"/console/orders/{order_no}/hold", kind="stock", reason="x")
    assert (
        await support.post(f"/console/orders/{order_no}/priority", priority="urgent", reason="x")
    ).status_code == 303
    await support.api.sql("UPDATE orders SET warehouse = 'WH-X' WHERE order_no = %s", order_no)
    for query in ("hold=any", "hold=stock", "priority=urgent", "warehouse=WH-X"):
        assert order_no in (await support.get(f"/console/orders?{query}")).text, query
    for query in ("hold=risk", "priority=vip", "warehouse=WH-Y"):
        assert order_no not in (await support.get(f"/console/orders?{query}")).text, query
    assert (await support.get("/console/orders?hold=whim")).status_code == 422
    assert "Urgent" in (await support.get(f"/console/orders/{order_no}")).text
