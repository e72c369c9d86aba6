"""The table of orders: filters, counts, sorting, columns, views, files, actions on many."""

import io
import re
import zipfile
from typing import Any

import psycopg
import pytest

from domain.orders.status import Status
from infra.db.orders.searching import status_counts
from infra.db.orders.searching.listing import OrderListFilter
from tests.api.conftest import ApiClient, an_order, unique
from tests.api.payments.test_refunds import paid
from tests.console.conftest import StaffBrowser, sign_in
from tests.console.test_pages import ROW, hidden, placed
from tests.factories.split_orders import split

PAGE = "/console/orders"


async def numbers(browser: StaffBrowser, **params: Any) -> list[str]:
    answer = await browser.get(PAGE, **params)
    assert answer.status_code == 200, answer.text
    return re.findall(ROW, answer.text)


async def test_the_old_address_leads_to_the_table_with_its_filters(support: StaffBrowser) -> None:
    answer = await support.get("/console", status="paid", hold="any")
    assert answer.headers["location"] == f"{PAGE}?status=paid&hold=any"
    assert (await support.get("/console")).status_code == 200


async def test_a_customer_is_found_by_name_address_number_or_id(support: StaffBrowser) -> None:
    who = {"id": unique("c"), "name": f"Zoë {unique('Quill')}", "email": f"{unique('z')}@example.com"}
    order_no = await placed(support, customer=who)
    await placed(support)
    for typed in (who["id"], who["name"].upper(), who["email"]):
        assert await numbers(support, customer=typed) == [order_no], typed
    assert await numbers(support, customer=who["id"], status="received") == [order_no]
    assert await numbers(support, customer="nobody has this name") == []


async def test_a_row_has_the_situation_in_short_and_the_whole_sentence_on_a_click(shop: ApiClient) -> None:
    for language, short, whole in (("en", "On hold (manual)", "put on by"), ("zh", "已挂起（人工）", "操作人")):
        browser, channel = await sign_in(shop, "support", language), unique("short")
        held = await placed(browser, channel=channel)
        await browser.post(f"/console/orders/{held}/hold", kind="manual", reason="x")
        page = (await browser.get(PAGE, channel=channel)).text
        summary, rest = re.findall(r"<summary class=\"warn\" title=\"([^\"]*)\">", page)[0], page.split(f">{short}<")[1]
        assert whole in summary and "<time" not in summary and whole in rest.split("</details>")[0]


async def test_a_split_order_says_how_many_parts_have_shipped_and_from_where(shop: ApiClient) -> None:
    for language, said in (("en", "2 of 3 shipped"), ("zh", "已发货 2/3")):
        browser, channel = await sign_in(shop, "support", language), unique("split")
        await browser.post(f"{PAGE}/columns", **{"column.fulfilment": "1", "column.warehouse": "1", "here": ""})
        order_no = await split(shop, "shipped", "delivered", "reserved", channel=channel)
        page = (await browser.get(PAGE, channel=channel)).text
        assert page.count(said) == 1 and "WH-EAST, WH-SOUTH, WH-NORTH" in page
        for warehouse in ("WH-EAST", "WH-SOUTH", "WH-NORTH"):
            assert await numbers(browser, channel=channel, warehouse=warehouse) == [order_no]
        assert said in (await browser.get(f"{PAGE}/{order_no}")).text, "the order page has the same rule"


async def test_the_counts_of_the_tabs_follow_the_filters(support: StaffBrowser) -> None:
    channel = unique("tabs")
    for _ in range(3):
        await placed(support, channel=channel)
    page = (await support.get(PAGE, channel=channel)).text
    tabs = dict(re.findall(rf'{channel}&amp;status=(\w+)"[^>]*>[^<]*<span class="badge[^"]*">(\d+)<', page))
    assert (tabs["received"], tabs["paid"]) == ("3", "0")
    assert f'<option value="{channel}" selected>' in page, "the filter offers what exists"


async def test_counts_that_take_too_long_are_left_out(support: StaffBrowser) -> None:
    """Somebody keeps the table locked: the counts give up, and so does nothing else."""
    database = support.api.app.state.services.database
    async with await psycopg.AsyncConnection.connect(support.api.owner_url) as other:
        await other.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
        assert await status_counts.counts(database, OrderListFilter(channel="web"), limit_ms=20) == {}
    assert (await status_counts.counts(database, OrderListFilter(channel="web"), limit_ms=60_000)).keys() == set(Status)


async def test_headers_sort_and_pages_go_on_in_that_order(support: StaffBrowser) -> None:
    channel = unique("sort")
    made = [await placed(support, channel=channel, lines=[{"sku": "TEA-1", "quantity": n}]) for n in (2, 1, 3)]
    page = (await support.get(PAGE, channel=channel)).text
    assert f'href="{PAGE}?channel={channel}&amp;sort=-total"' in page
    assert await numbers(support, channel=channel, sort="-total") == [made[2], made[0], made[1]]
    assert await numbers(support, channel=channel, sort="total") == [made[1], made[0], made[2]]
    assert 'aria-sort="descending"' in (await support.get(PAGE, sort="-total")).text


async def test_columns_are_kept_for_each_person(shop: ApiClient) -> None:
    amy, ben = await sign_in(shop, "support"), await sign_in(shop, "support")
    await placed(amy, channel="columns")
    fields = {"column.channel": "1", "column.total": "1", "here": "channel=columns"}
    answer = await amy.post(f"{PAGE}/columns", **fields)
    assert answer.headers["location"] == f"{PAGE}?channel=columns"
    heads = [
        re.findall(r'<td data-label="([^"]+)"', (await one.get(PAGE, channel="columns")).text) for one in (amy, ben)
    ]
    assert heads[0] == ["Order", "Channel", "Total"] and "Situation" in heads[1]


async def test_a_view_is_saved_shown_and_deleted(shop: ApiClient) -> None:
    amy, ben, name = await sign_in(shop, "support"), await sign_in(shop, "finance"), unique("Late ones")
    here = "status=paid&hold=any&q=ann%40example.com&sort=-total&placed_last=7"
    answer = await amy.post(f"{PAGE}/views", name=name, here=here, shared="1", key=unique("k"))
    assert answer.headers["location"] == f"{PAGE}?status=paid&hold=any&sort=-total&placed_last=7"
    assert name in (await ben.get(PAGE)).text
    (view,) = await shop.sql("SELECT view_id, filters FROM saved_views WHERE name = %s", name)
    assert view["filters"] == {"status": "paid", "hold": "any", "sort": "-total", "created_last_days": 7}
    assert f'href="{PAGE}?status=paid&amp;hold=any&amp;sort=-total&amp;placed_last=7"' in (await ben.get(PAGE)).text
    taken = await amy.post(f"{PAGE}/views", name=name, here="status=paid&channel=web", key="typed-key")
    assert (taken.status_code, "already have a view" in taken.text) == (409, True)
    assert f'value="{name}"' in taken.text and "status=paid&amp;channel=web" in taken.text, "nothing is lost"
    assert (await ben.post(f"{PAGE}/views/{view['view_id']}/delete")).status_code == 404
    assert (await amy.post(f"{PAGE}/views/{view['view_id']}/delete")).status_code == 303


@pytest.mark.parametrize(("role", "reads"), [("warehouse", True), ("operations", False)])
async def test_only_who_may_read_personal_data_sees_and_exports_names(shop: ApiClient, role: str, reads: bool) -> None:
    browser, name, channel = await sign_in(shop, role), unique("Nora"), unique("names")
    await placed(browser, channel=channel, customer=an_order()["customer"] | {"id": unique("c"), "name": name})
    page = await browser.get(PAGE, channel=channel)
    file = await browser.get(f"{PAGE}/export", channel=channel, format="csv")
    assert (name in page.text, name in file.text) == (reads, reads)


async def test_an_export_speaks_the_readers_language_and_takes_the_chosen(shop: ApiClient) -> None:
    browser = await sign_in(shop, "support", "zh")
    first, second = await placed(browser), await placed(browser)
    file = await browser.get(f"{PAGE}/bulk", action="export_csv", order_no=first)
    file = await browser.http.get(file.headers["location"])
    assert "订单号" in file.text and first in file.text and second not in file.text


async def test_chosen_orders_are_held_in_one_job(support: StaffBrowser) -> None:
    free, held = await placed(support), await placed(support)
    await support.post(f"/console/orders/{held}/hold", kind="manual", reason="x")
    page = await support.http.get(f"{PAGE}/bulk?action=hold&order_no={free}&order_no={held}")
    assert "Orders that fit: 1" in page.text and "Left out: 1" in page.text and "Hold 1 order" in page.text
    sent = {"action": "hold", "orders": hidden(page.text, "orders"), "kind": "stock", "key": hidden(page.text, "key")}
    empty = await support.post(f"{PAGE}/bulk", **sent, reason="  ")
    assert (empty.status_code, 'value="stock" selected' in empty.text) == (422, True), "nothing typed is lost"
    done = [await support.post(f"{PAGE}/bulk", **sent, reason="count them") for _ in range(2)]
    assert done[0].status_code == 303 and done[0].headers["location"] == done[1].headers["location"]
    job = (await support.get(done[0].headers["location"])).text
    assert free in job and held in job and "count them" in job
    live = await support.http.get(done[0].headers["location"], headers={"x-live": "1"})
    assert job.count("Stop before the next order") == live.text.count("Stop before the next order") == 1, (
        "the button goes with the job's end"
    )


async def test_an_action_without_orders_or_over_too_many_says_so(
    support: StaffBrowser, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Select at least one order" in (await support.get(f"{PAGE}/bulk", action="cancel")).text
    channel = unique("many")
    for _ in range(2):
        await placed(support, channel=channel)
    all_of_them = await support.get(f"{PAGE}/bulk", action="hold", channel=channel, all=1)
    assert "Orders that fit: 2" in all_of_them.text
    monkeypatch.setattr("api.console.orders.bulk.MAX_ORDERS", 1)
    too_many = await support.get(f"{PAGE}/bulk", action="hold", channel=channel, all=1)
    assert (too_many.status_code, "More than 1 orders match" in too_many.text) == (422, True)


@pytest.mark.parametrize(("role", "action", "status"), [("warehouse", "cancel", 403), ("finance", "hold", 422)])
async def test_a_role_without_the_right_cannot_act_on_many(
    shop: ApiClient, role: str, action: str, status: int
) -> None:
    browser = await sign_in(shop, role)
    assert (await browser.get(f"{PAGE}/bulk", action=action)).status_code == status
    assert (await browser.post(f"{PAGE}/bulk", action=action, orders="")).status_code == status
    assert (f'<option value="{action}">' in (await browser.get(PAGE)).text) == (status == 422)


async def test_a_view_keeps_a_customer_by_their_id(shop: ApiClient) -> None:
    amy, who = await sign_in(shop, "support"), {"id": unique("c"), "name": unique("Quill"), "email": "q@example.com"}
    await placed(amy, customer=who)
    answer = await amy.post(f"{PAGE}/views", name=unique("v"), here=f"customer={who['name']}", key=unique("k"))
    assert answer.headers["location"] == f"{PAGE}?customer={who['id']}"
    assert not await shop.sql("SELECT FROM saved_views WHERE filters::text LIKE %s", f"%{who['name']}%")
    nobody = await amy.post(f"{PAGE}/views", name=unique("v"), here="customer=nobody+like+this", key=unique("k"))
    assert (nobody.status_code, "several customers or none" in nobody.text) == (422, True)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("payment_status", "gone", "Not one of the choices"),
        ("fulfilment_status", "<b>x", "Not one of the choices"),
        ("hold", "forever", "Not one of the choices"),
        ("priority", "9", "Not one of the choices"),
        ("placed_from", "yesterday", "Write a date like"),
        ("placed_to", "9999-12-31", "Write a date like"),
        ("placed_last", "-1", "A number of days"),
        ("placed_last", "٣", "A number of days"),
        ("assignee", "Ann!", "Not a staff name"),
        ("tag", "a,b", "Not a tag"),
        ("customer", "a\u202eb", "cannot be seen"),
        ("status", "lost", "Not one of the choices"),
        ("sort", "name", "Not one of the choices"),
    ],
)
async def test_a_filter_that_cannot_be_is_named_at_its_field(
    support: StaffBrowser, name: str, value: str, words: str
) -> None:
    answer = await support.get(PAGE, **{name: value, "channel": "kept"})
    assert (answer.status_code, words in answer.text) == (422, True)
    assert "A filter has no valid value" in answer.text and '<option value="kept" selected>' in answer.text, (
        "the page stays, with the rest"
    )
    assert not re.findall(ROW, answer.text), "no orders, which somebody might act on, are shown instead"
    if name not in ("status", "sort"):
        assert 'class="invalid-feedback"' in answer.text
    for acted in (f"{PAGE}/export", f"{PAGE}/bulk"):
        refused = await support.get(acted, **{name: value}, action="cancel", all=1)
        assert refused.status_code == 422 and "attachment" not in refused.headers.get("content-disposition", "")


async def test_a_page_behind_a_changed_order_begins_anew(support: StaffBrowser) -> None:
    answer = await support.get(PAGE, cursor="nonsense", status="paid")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PAGE}?status=paid")


async def test_payment_and_fulfilment_are_filters_with_words(shop: ApiClient) -> None:
    for language, words in (("en", ("Payment: Pending", "Fulfilment: Unfulfilled", "Placed: Last 7 days")),
                            ("zh", ("付款: 待付款", "发货: 未发货", "下单时间: 最近 7 天"))):  # fmt: skip
        browser, channel = await sign_in(shop, "support", language), unique("words")
        order_no = await placed(browser, channel=channel)
        set_ = {"payment_status": "pending", "fulfilment_status": "unfulfilled", "placed_last": "7", "channel": channel}
        page = (await browser.get(PAGE, **set_)).text
        assert re.findall(ROW, page) == [order_no] and all(one in page for one in words)
        assert await numbers(browser, **set_ | {"payment_status": "paid"}) == []


@pytest.mark.parametrize("hostile", ["<script>alert(1)</script>", "' OR 1=1 --", "{{ 7*7 }}", "\u202e", "x" * 121])
async def test_hostile_filters_are_shown_as_text_or_refused(support: StaffBrowser, hostile: str) -> None:
    for name in ("q", "channel", "customer", "warehouse", "tag"):
        answer = await support.get(PAGE, **{name: hostile})
        assert answer.status_code in (200, 422), (name, answer.status_code)
        assert "<script>alert(1)" not in answer.text and ">49<" not in answer.text


async def test_chosen_orders_get_a_tag_and_an_assignee(support: StaffBrowser) -> None:
    order_no = await placed(support)
    page = await support.http.get(f"{PAGE}/bulk?action=tag&order_no={order_no}")
    assert "Tag 1 order" in page.text and 'name="reason"' not in page.text
    sent = {"orders": order_no, "key": unique("k")}
    empty = await support.post(f"{PAGE}/bulk", action="tag", tag=" ", **sent)
    assert empty.status_code == 422
    done = await support.post(f"{PAGE}/bulk", action="tag", tag=" Gift ", **sent)
    assert done.status_code == 303, done.text
    done = await support.post(f"{PAGE}/bulk", action="assign", assignee=support.name, **sent | {"key": unique("k")})
    assert done.status_code == 303 and order_no in (await support.get(done.headers["location"])).text


async def test_packing_slips_of_chosen_orders_are_printed_at_once(shop: ApiClient) -> None:
    warehouse, finance = await sign_in(shop, "warehouse"), await sign_in(shop, "finance")
    orders = [await placed(warehouse) for _ in range(2)]
    chosen = "&".join(f"order_no={order_no}" for order_no in orders)
    answer = await warehouse.http.get(f"{PAGE}/bulk?action=print&{chosen}")
    slips = (await warehouse.http.get(answer.headers["location"])).text
    assert slips.count('<section class="sheet') == 2 and all(order_no in slips for order_no in orders)
    assert (await finance.http.get(answer.headers["location"])).status_code == 403
    assert 'value="print"' not in (await finance.get(PAGE)).text


async def test_labels_of_chosen_orders_come_as_one_archive(shop: ApiClient) -> None:
    warehouse = await sign_in(shop, "warehouse")
    labelled, without = await placed(warehouse), await placed(warehouse)
    keys, shipment_id = shop.app.state.services.keys, unique("s")
    (row,) = await shop.sql(
        "SELECT c.data_key FROM orders o JOIN customers c USING (customer_id) WHERE o.order_no = %s", labelled
    )
    sealed = keys.vault.seal(keys.unwrap(row["data_key"]), b"the label", f"{shipment_id}:label")
    await shop.sql(
        "INSERT INTO shipments (shipment_id, order_no, warehouse, carrier, status, idempotency_key, tracking_no)"
        " VALUES (%s, %s, 'WH-EAST', 'sandbox', 'booked', %s, %s)",
        shipment_id, labelled, shipment_id, shipment_id,
    )  # fmt: skip
    await shop.sql("INSERT INTO shipment_labels VALUES (%s, 'PDF', %s, now())", shipment_id, sealed)
    answer = await warehouse.http.get(f"{PAGE}/bulk?action=labels&order_no={labelled}&order_no={without}")
    file = await warehouse.http.get(answer.headers["location"])
    with zipfile.ZipFile(io.BytesIO(file.content)) as archive:
        assert archive.read(f"{labelled}.pdf") == b"the label"
        assert archive.read("without-label.txt").decode() == f"{without}\n"
    assert (await warehouse.get(f"{PAGE}/print", kind="labels", order_no=without)).status_code == 404


async def test_cancelling_many_paid_orders_waits_for_another_person(shop: ApiClient) -> None:
    for language, words in (("en", ("Goes back to customers", "¥1,275.00", "Request approval for cancelling 2 orders")),
                            ("zh", ("退还客户", "¥1,275.00", "申请取消 2 单并退款"))):  # fmt: skip
        amy, ben = await sign_in(shop, "support", language), await sign_in(shop, "finance", language)
        orders = [await paid(shop, [{"sku": "TEA-1", "quantity": 15}]) for _ in range(2)]
        page = await amy.http.get(f"{PAGE}/bulk?action=cancel&order_no={orders[0]}&order_no={orders[1]}")
        assert all(one in page.text for one in words)
        sent = {"action": "cancel", "orders": " ".join(orders), "key": hidden(page.text, "key"), "reason": "gone"}
        answer = await amy.post(f"{PAGE}/bulk", **sent)
        assert re.fullmatch(r"/console/approvals/apr_\w+", answer.headers["location"])
        waiting = (await ben.get(answer.headers["location"])).text
        assert all(order_no in waiting for order_no in orders) and "¥1,275.00" in waiting
        assert f"{amy.name} ({'客服' if language == 'zh' else 'support'})" in waiting
        done = await ben.post(f"{answer.headers['location']}/approve", reason="seen")
        assert done.status_code == 303
        approved = (await ben.get(answer.headers["location"])).text
        job = re.findall(r'href="(/console/orders/jobs/job_\w+)"', approved)[0]
        shown = (await amy.get(job)).text
        assert all(order_no in shown for order_no in orders)
