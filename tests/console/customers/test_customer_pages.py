"""Customers in the console: found by what they are called now and before, shown with their orders."""

from tests.api.conftest import ApiClient, unique
from tests.api.customers.test_customers import ordered
from tests.console.conftest import StaffBrowser, sign_in

HOSTILE = ('"><script>alert(1)</script>', "' OR 1=1 --", "%", "{{7*7}}", "\\", "../../etc/passwd")


async def test_a_customer_who_changed_their_address_is_found_with_all_their_orders(support: StaffBrowser) -> None:
    customer = unique("c-page-moved")
    before = await ordered(support.api, customer, name="Ida Moss", phone=None)
    after = await ordered(support.api, customer, name="Ida Moss", email=f"new-{customer}@example.com", phone=None)
    for q in (f"{customer}@example.com", f"new-{customer}@example.com"):
        found = await support.get("/console/customers", q=q)
        assert (found.status_code, found.headers["location"]) == (303, f"/console/customers/{customer}")
    page = (await support.get(f"/console/customers/{customer}")).text
    assert all(one in page for one in (before, after, f"{customer}@example.com", f"new-{customer}@example.com"))
    assert "Ida Moss" in page and f"/console/customers/{customer}/store-credit" in page
    assert 'data-label="Total"' in page, "on a telephone each value stands under its name"
    assert f"/console/customers/{customer}" in (await support.get(f"/console/orders/{after}")).text


async def test_customers_with_one_name_are_listed(support: StaffBrowser) -> None:
    word = unique("Solstice").replace("-", "")
    customers = [unique("c-same") for _ in range(2)]
    for customer in customers:
        await ordered(support.api, customer, name=f"{word} Lee")
    page = await support.get("/console/customers", q=word)
    assert page.status_code == 200 and all(f"/console/customers/{customer}" in page.text for customer in customers)
    assert (await support.get("/console/customers")).status_code == 200


async def test_hostile_searches_and_names_are_harmless(support: StaffBrowser) -> None:
    for q in HOSTILE:
        page = await support.get("/console/customers", q=q)
        assert page.status_code == 200 and "<script>alert" not in page.text and "No customer found" in page.text
    assert (await support.get("/console/customers", q="a\u202eb")).status_code == 422
    assert (await support.get("/console/customers/nobody-at-all")).status_code == 404
    odd = f"{unique('c')}?&#"
    await ordered(support.api, odd, name=HOSTILE[0])
    listed = (await support.get("/console/customers")).text
    assert "<script>alert" not in listed
    shown = await support.http.get("/console/customers/" + odd.replace("?", "%3F").replace("#", "%23"))
    assert shown.status_code == 200 and "<script>alert" not in shown.text


async def test_other_roles_may_not_read_customers(shop: ApiClient) -> None:
    for role in ("warehouse", "finance", "operations"):
        browser = await sign_in(shop, role)
        for path in ("/console/customers", "/console/customers/c-17"):
            assert (await browser.get(path)).status_code == 403
        assert 'href="/console/customers"' not in (await browser.get("/console")).text


async def test_chinese_pages_hold_no_english(shop: ApiClient) -> None:
    customer = unique("c-zh")
    await ordered(shop, customer, name="王小明", email=None, phone=None)
    browser = await sign_in(shop, "support", "zh")
    page = (await browser.get(f"/console/customers/{customer}")).text
    assert "联系方式" in page and "店铺余额" in page
    assert not any(word in page for word in ("Orders", "Contact", "Spend", "Before", "Current"))


async def test_a_customer_is_put_into_a_group_and_a_bad_one_stays_in_its_field(support: StaffBrowser) -> None:
    customer = unique("c-group")
    await ordered(support.api, customer)
    page = f"/console/customers/{customer}"
    saved = await support.post(f"{page}/group", customer_group=" VIP ")
    assert (saved.status_code, saved.headers["location"]) == (303, page)
    assert 'value="VIP"' in (await support.get(page)).text
    for bad in ("x" * 61, "a,b"):
        refused = await support.post(f"{page}/group", customer_group=bad)
        assert refused.status_code == 422 and 'id="f-customer_group-error"' in refused.text
        assert f'value="{bad}"' in refused.text
    assert (await support.api.get(f"/v1/customers/{customer}")).json()["customer_group"] == "VIP"
    await support.post(f"{page}/group", customer_group="")
    assert (await support.api.get(f"/v1/customers/{customer}")).json()["customer_group"] is None
