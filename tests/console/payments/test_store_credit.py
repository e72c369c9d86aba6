"""A customer's store credit in the console: what can be spent, where it comes from, and who may know."""

from infra.db.payments import store_credit
from tests.api.conftest import ApiClient, unique
from tests.console.conftest import StaffBrowser, sign_in
from tests.factories.returns import a_return, delivered, found


async def credited(shop: ApiClient, customer: str) -> tuple[str, str]:
    """(order, return) of a customer who sent one piece back for store credit; the warehouse has settled it."""
    buyer = {"id": customer, "name": "Li", "email": None, "phone": None}
    order_no = await delivered(shop, customer=buyer)
    body = a_return(resolution="store_credit")
    return_id = str((await shop.post(f"/v1/orders/{order_no}/returns", body)).json()["return_id"])
    keeper = shop.as_("warehouse", "wang")
    for verb in ("receive", "inspect"):
        answer = await keeper.post(f"/v1/returns/{return_id}/{verb}", found())
        assert answer.status_code == 200, answer.text
    return order_no, return_id


async def test_balance_and_entries_lead_to_their_order_and_return(support: StaffBrowser) -> None:
    customer = unique("c <1>;a?#")
    order_no, return_id = await credited(support.api, customer)
    order = (await support.get(f"/console/orders/{order_no}")).text
    link = next(part.split('"')[0] for part in order.split('href="') if "/store-credit" in part)
    assert f'href="{link}"' in (await support.get(f"/console/returns/{return_id}")).text
    page = await support.http.get(link)
    assert page.status_code == 200, page.text
    assert "Available (CNY)" in page.text and "¥42.50" in page.text and "c &lt;1&gt;;a?#" in page.text
    assert f'href="/console/orders/{order_no}"' in page.text and f'href="/console/returns/{return_id}"' in page.text
    assert f"Return {order_no}-R1" in page.text and "granted" in page.text and "+" in page.text


async def test_many_entries_come_by_pages(support: StaffBrowser) -> None:
    customer = unique("c-pages")
    order_no, _ = await credited(support.api, customer)
    async with support.api.app.state.services.database.begin() as conn:
        for number in range(52):
            await store_credit.grant(conn, customer, "CNY", 10, order_no, None, f"{order_no}/{number}")
    path = f"/console/customers/{customer}/store-credit"
    first = (await support.get(path)).text
    assert "¥47.70" in first and first.count("granted") == 50 and "¥42.50" not in first
    older = next(part.split('"')[0] for part in first.split('href="') if "cursor=" in part)
    last = (await support.http.get(older)).text
    assert last.count("granted") == 3 and "¥42.50" in last and "cursor=" not in last
    assert (await support.get(path, cursor="x")).status_code == 422
    over_http = (await support.api.get(f"/v1/customers/{customer}/store-credit", limit=60)).json()["items"]
    assert [entry["return_no"] for entry in over_http] == [None] * 52 + [1]


async def test_who_may_know(shop: ApiClient) -> None:
    customer = unique("c-who")
    order_no, return_id = await credited(shop, customer)
    path = f"/console/customers/{customer}/store-credit"
    for role, may in (
        ("support", True),
        ("finance", True),
        ("admin", True),
        ("warehouse", False),
        ("operations", False),
    ):
        browser = await sign_in(shop, role)
        assert (await browser.get(path)).status_code == (200 if may else 403), role
        assert (await browser.get("/console/customers/nobody/store-credit")).status_code == (404 if may else 403), role
        for body in (f"/console/orders/{order_no}", f"/console/returns/{return_id}"):
            assert (path in (await browser.get(body)).text) == may, (role, body)
        over_http = await shop.as_(role, browser.name).get(f"/v1/customers/{customer}/store-credit")
        assert over_http.status_code == (200 if may else 403), role


async def test_a_customer_without_credit_and_the_page_in_chinese(shop: ApiClient) -> None:
    browser = await sign_in(shop, "support", "zh")
    customer = unique("c-none")
    await delivered(shop, customer={"id": customer, "name": "Li", "email": None, "phone": None})
    assert "该客户没有店铺余额" in (await browser.get(f"/console/customers/{customer}/store-credit")).text
    other = unique("c-zh")
    await credited(shop, other)
    page = (await browser.get(f"/console/customers/{other}/store-credit")).text
    assert "可用余额（CNY）" in page and "发放" in page
    unknown = await browser.get("/console/customers/nobody/store-credit")
    assert (unknown.status_code, "没有这个客户" in unknown.text) == (404, True)
