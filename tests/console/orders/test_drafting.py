"""Create order: found products and customers, totals before placing, errors at the field, placed once."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from tests.api.conftest import ApiClient, an_order, unique
from tests.api.customers.test_customers import person
from tests.api.orders.test_order_drafts import stocked
from tests.console.conftest import StaffBrowser, sign_in
from tests.console.test_pages import hidden

HOSTILE = '"><script>alert(1)</script> {{7*7}}'
PERSON = {"name": "Ann Caller", "email": "ann@example.com", "phone": "+86 138 0013 8000"}
ADDRESS = {"ship_to.country": "cn", "ship_to.province": "上海市", "ship_to.city": "上海市", "ship_to.line1": "Road 1"}


async def sent(browser: StaffBrowser, path: str, **fields: str) -> str:
    """Send the form; the address that it leads to."""
    answer = await browser.post(path, **fields)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


async def test_an_order_is_prepared_found_products_first_and_placed_once(support: StaffBrowser) -> None:
    sku = await stocked(support.api)
    draft = (await sent(support, "/console/orders/new", find=sku, do="find", **PERSON)).partition("?")[0]
    found = (await support.get(draft, find=sku)).text
    assert "Telephone tea" in found and "50 available" in found and f'value="{sku}"' in found
    await sent(support, draft, add_sku=sku, version=hidden(found, "version"), key=hidden(found, "key"), **PERSON)
    page = (await support.get(draft)).text
    fields = {"sku.0": sku, "quantity.0": "2", **PERSON, **ADDRESS}
    await sent(support, draft, do="save", version=hidden(page, "version"), key=hidden(page, "key"), **fields)
    page = (await support.get(draft)).text
    assert "Place order for CN¥30.00" in page or "Place order for ¥30.00" in page or "30.00" in page
    proof = {name: hidden(page, name) for name in ("version", "key", "seen_total")}
    for _ in range(2):
        assert await sent(support, draft, do="place", **proof, **fields) == draft
    done = (await support.get(draft)).text
    (order_no,) = set(re.findall(r"/portal/orders/([0-9A-Z-]+)/pay", done))
    order = (await support.api.get(f"/v1/orders/{order_no}")).json()
    assert (order["total_minor"], order["customer"]["email"]) == (3_000, "ann@example.com")
    listed = (await support.api.get("/v1/orders", q=sku)).json()["items"]
    assert [row["order_no"] for row in listed] == [order_no]


async def test_a_known_customer_is_chosen_with_the_last_address(support: StaffBrowser) -> None:
    customer = unique("c-caller")
    await support.api.post("/v1/orders", an_order(customer=person(customer)))
    begun = (await support.get("/console/orders/new", customer=customer)).text
    assert f'value="{customer}"' in begun and "Made-up Road 1" in begun and "Nia Okafor" in begun
    draft = await sent(support, "/console/orders/new", who=f"{customer}@example.com", do="who")
    assert f'value="{customer}"' in (await support.get(draft.partition("?")[0], who=f"{customer}@example.com")).text
    chosen = await sent(support, "/console/orders/new", choose=customer)
    page = (await support.get(chosen.partition("?")[0])).text
    assert "Known customer" in page and "Made-up Road 1" in page
    assert (await support.get("/console/orders/new", customer="nobody-at-all")).status_code == 404


async def test_what_is_missing_or_short_is_said_at_its_field_and_nothing_is_lost(support: StaffBrowser) -> None:
    sku = await stocked(support.api, 1)
    fields = {"sku.0": sku, "quantity.0": "3", "email": "no address", "note": HOSTILE}
    again = await support.post("/console/orders/new", do="place", **fields)
    assert again.status_code in (409, 422)
    draft = re.findall(r'action="(/console/orders/new/draft_[0-9a-f]+)"', again.text)[0]
    proof = {name: hidden(again.text, name) for name in ("version", "key", "seen_total")}
    again = await support.post(draft, do="place", **proof, **fields)
    assert again.status_code == 422 and "<script>alert" not in again.text
    for at in ("f-name-error", "f-email-error", "f-ship_to.city-error"):
        assert f'id="{at}"' in again.text, at
    assert "no address" in again.text and "Only 1 available" in again.text
    proof = {name: hidden(again.text, name) for name in ("version", "key", "seen_total")}
    short = await support.post(draft, do="place", **proof, **{**fields, **PERSON, **ADDRESS})
    assert short.status_code == 409 and "Only 1 available" in short.text
    assert (await support.api.get("/v1/orders", q=sku)).json()["items"] == []


async def test_two_windows_do_not_destroy_each_other(support: StaffBrowser) -> None:
    draft = await sent(support, "/console/orders/new", do="save", note="begin")
    first, second = [(await support.get(draft)).text for _ in range(2)]
    one, two = ({name: hidden(page, name) for name in ("version", "key")} for page in (first, second))
    await sent(support, draft, do="save", note="first window", **one)
    await sent(support, draft, do="save", note="first window", **one)  # sent twice, saved once
    stale = await support.post(draft, do="save", note="second window", **two)
    assert stale.status_code == 412 and "second window" in stale.text and "another window" in stale.text
    assert "first window" in (await support.get(draft)).text
    other = await sent(support, "/console/orders/new", do="save", note="other draft")
    assert other != draft and f'href="{draft}"' in (await support.get(other)).text


@pytest.mark.parametrize(("field", "typed"), [
    ("name", "a\u202eb"), ("ship_to.line1", "x" * 300), ("note", "x" * 2001), ("quantity.0", "1e9"),
    ("quantity.0", "-1"), ("quantity.0", HOSTILE), ("sku.0", "x" * 65), ("customer_id", "../../etc"),
    ("language", "xx"), ("priority", "now"), ("channel", "x" * 300), ("version", HOSTILE),
])  # fmt: skip
async def test_hostile_input_is_refused_and_kept(support: StaffBrowser, field: str, typed: str) -> None:
    draft = await sent(support, "/console/orders/new", do="save", note="begin")
    version = hidden((await support.get(draft)).text, "version")
    fields = {"sku.0": "TEA-1", "quantity.0": "1", "version": version, field: typed}
    again = await support.post(draft, do="save", **fields)
    assert again.status_code in (412, 422) and "<script>alert" not in again.text
    assert "begin" in (await support.get(draft)).text
    for name in ("add_sku", "remove", "choose", "find", "who", "seen_total"):
        odd = await support.post("/console/orders/new", do="find", **{name: HOSTILE})
        assert odd.status_code in (303, 404, 422), name
        if odd.status_code == 303:
            assert "<script>alert" not in (await support.http.get(odd.headers["location"])).text


async def test_only_support_prepares_orders_and_only_their_own(shop: ApiClient, support: StaffBrowser) -> None:
    draft = await sent(support, "/console/orders/new", do="save", note="mine")
    colleague = await sign_in(shop, "support")
    assert (await colleague.get(draft)).status_code == 404 and (await colleague.post(draft)).status_code == 404
    assert (await colleague.post(f"{draft}/delete")).status_code == 404
    for role in ("warehouse", "finance", "operations"):
        browser = await sign_in(shop, role)
        assert (await browser.get("/console/orders/new")).status_code == 403
        assert (await browser.post("/console/orders/new", do="save")).status_code == 403
    assert await sent(support, f"{draft}/delete") == "/console/orders/new"
    assert (await support.get(draft)).status_code == 404


async def test_the_chinese_page_holds_no_english(shop: ApiClient) -> None:
    browser = await sign_in(shop, "support", "zh")
    page = (await browser.get("/console/orders/new")).text
    assert "新建订单" in page and "收货地址" in page
    assert not any(word in page for word in ("Customer", "Products", "Save draft", "Country", "Required"))


async def test_a_slot_and_a_reference_go_with_the_order(support: StaffBrowser) -> None:
    """The slot is by the clock of the destination; a wrong one is refused at its field, and an empty one goes."""
    sku, day = await stocked(support.api), (datetime.now(UTC) + timedelta(days=3)).date().isoformat()
    fields = {"sku.0": sku, "quantity.0": "1", **PERSON, **ADDRESS, "external_ref": unique("PO")}
    slot = {"slot_day": day, "slot_begin": "09:00", "slot_end": "12:00"}
    refused = await support.post("/console/orders/new", do="save", **fields, slot_day=day)
    assert refused.status_code == 422 and 'id="f-slot_day-error"' in refused.text and f'value="{sku}"' in refused.text
    draft = await sent(support, "/console/orders/new", do="save", **fields, **slot)
    page = (await support.get(draft)).text
    assert f'value="{day}"' in page and 'value="09:00"' in page and "Asia/Shanghai" in page
    proof = {name: hidden(page, name) for name in ("version", "key", "slot_was")}
    await sent(support, draft, do="save", **fields, **proof)
    page = (await support.get(draft)).text
    assert f'value="{day}"' not in page
    proof = {name: hidden(page, name) for name in ("version", "key", "seen_total")}
    await sent(support, draft, do="place", **proof, **fields, **slot)
    (order_no,) = set(re.findall(r"/portal/orders/([0-9A-Z-]+)/pay", (await support.get(draft)).text))
    order = (await support.api.get(f"/v1/orders/{order_no}")).json()
    assert order["external_ref"] == fields["external_ref"]
    assert order["delivery_slot"] == {"from": f"{day}T01:00:00Z", "to": f"{day}T04:00:00Z"}
