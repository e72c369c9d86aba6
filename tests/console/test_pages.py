"""Board, search, order page, stuck queue and bulk acts, in a browser's requests against real books."""

import json
import re
import secrets
from pathlib import Path
from typing import Any

import pytest

from api.console import i18n
from api.pages.rendering import STATIC
from domain.orders.holds import HoldKind, Outcome
from domain.orders.priority import Priority
from domain.orders.status import NOTES, OrderEvent, Status
from domain.payments.refunds import Origin, RefundStatus
from domain.situations.situation import Owner
from domain.support.manual_transitions import ADJUSTMENTS
from domain.support.steps import STEPS, Step
from tests.api.conftest import ApiClient, an_order, unique
from tests.console.conftest import StaffBrowser, sign_in

ROW = r'<tr data-row-href="/console/orders/([^"/]+)"'
TEMPLATES = Path(i18n.__file__).with_name("templates")


async def placed(browser: StaffBrowser, **changed: Any) -> str:
    answer = await browser.api.post("/v1/orders", an_order(**changed))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["order_no"])


async def parked(browser: StaffBrowser, error: str, step: str = "book", provider: str = "sandbox") -> str:
    """An order that is stuck, as its workflow would leave it in the database."""
    order_no = await placed(browser)
    await browser.api.sql(
        """INSERT INTO parked_steps (order_no, park_no, step, error, provider, attempts, options, amount_minor,
                                     escalate_at)
           VALUES (%s, 1, %s, %s, %s, 5, %s, 8500, now() + interval '1 hour')""",
        order_no, step, error, provider, [str(option) for option in STEPS[Step(step)].options],
    )  # fmt: skip
    return order_no


def hidden(html: str, name: str) -> str:
    return re.findall(rf'name="{name}" value="([^"]*)"', html)[0]


async def test_the_board_counts_and_lists(support: StaffBrowser) -> None:
    order_no = await placed(support)
    board = await support.get("/console/orders", status="received")
    assert board.status_code == 200 and order_no in board.text
    exact = await support.api.sql("SELECT count(*) AS n FROM orders WHERE status = 'received'")
    assert re.search(rf'Received <span class="badge[^"]*">{exact[0]["n"]}</span>', board.text)
    assert order_no not in (await support.get("/console/orders", status="paid")).text
    live = await support.http.get("/console/orders", headers={"X-Live": "1"})
    assert order_no in live.text and "<html" not in live.text


async def test_the_boards_pages_hold_each_order_once(support: StaffBrowser) -> None:
    customer = unique("c-many")
    made = {await placed(support, customer=an_order()["customer"] | {"id": customer}) for _ in range(53)}
    first = (await support.get("/console/orders", customer=customer)).text
    rest = re.findall(r'rel="next" href="/console/orders\?([^"]*cursor=[^"]*)">', first)[0].replace("&amp;", "&")
    second = (await support.http.get(f"/console/orders?{rest}")).text
    found = [re.findall(ROW, text) for text in (first, second)]
    assert [len(page) for page in found] == [50, 3]
    assert set(found[0]) | set(found[1]) == made


@pytest.mark.parametrize(
    "query", ["placed_from=yesterday", "placed_to=9999-12-31", "status=lost", "channel=" + "x" * 121]
)
async def test_bad_filters_are_refused_in_words(support: StaffBrowser, query: str) -> None:
    answer = await support.http.get(f"/console/orders?{query}")
    assert answer.status_code == 422 and "<h1" in answer.text


async def test_search_finds_by_every_name(support: StaffBrowser) -> None:
    sku, reference = unique("RARE"), unique("shop")
    product = {"sku": sku, "name": f"Odd {sku} kettle", "price_minor": 100, "currency": "CNY"}
    assert (await support.api.as_("operations").post("/v1/products", product)).status_code == 201
    email, phone = f"{unique('q')}@example.com", f"139{secrets.randbelow(10**8):08}"
    customer = {"id": unique("c"), "name": "Q", "email": email, "phone": phone}
    lines = [{"sku": sku, "quantity": 1}]
    order_no = await placed(support, lines=lines, customer=customer, external_ref=reference)
    spoken = f" {order_no[:5].lower()} {order_no[5:].lower()} "
    for q in (order_no, spoken, sku, f"odd {sku.lower()}", email.upper(), phone, reference):
        answer = await support.get("/console/orders", q=q)
        assert (answer.status_code, answer.headers.get("location")) == (303, f"/console/orders/{order_no}"), q


async def test_the_consoles_search_is_the_apis_and_says_what_matched(support: StaffBrowser) -> None:
    """A customer who is known on two channels is found by both addresses, page after page."""
    customer = {"id": unique("c"), "name": "Two Channels", "email": f"{unique('web')}@example.com"}
    other = customer | {"email": f"{unique('app')}@example.com"}
    made = [await placed(support, customer=customer, channel="web")]
    made += [await placed(support, customer=other, channel=unique("app")) for _ in range(51)]
    for q in (customer["email"], other["email"], "channels two"):
        api = await support.api.get("/v1/orders", q=q, limit=200)
        assert {row["order_no"] for row in api.json()["items"]} == set(made)
        response = await support.get("/console/orders", q=q)
        rest = re.findall(r'rel="next" href="/console/orders\?([^"]*)">', response.text)[0].replace("&amp;", "&")
        second = (await support.http.get(f"/console/orders?{rest}")).text
        pages = [re.findall(ROW, text) for text in (response.text, second)]
        assert [len(page) for page in pages] == [50, 2] and set(pages[0]) | set(pages[1]) == set(made)
        assert f'<span class="badge bg-secondary-lt">{"e-mail" if "@" in q else "name"}</span>' in response.text


@pytest.mark.parametrize("q", ["nothing has this name", "100%_\\", "'; DROP TABLE orders; --"])
async def test_what_is_not_found_says_what_can_be(support: StaffBrowser, q: str) -> None:
    answer = await support.get("/console/orders", q=q)
    assert answer.status_code == 200 and "Search by order number" in answer.text


@pytest.mark.parametrize(("q", "status"), [("a\0b", 422), ("x" * 201, 422)])
async def test_a_search_that_cannot_be_is_refused(support: StaffBrowser, q: str, status: int) -> None:
    assert (await support.get("/console/orders", q=q)).status_code == status


async def test_an_order_shows_what_each_role_needs(shop: ApiClient) -> None:
    browsers = {role: await sign_in(shop, role) for role in ("support", "warehouse", "finance", "operations", "admin")}
    order_no = await placed(browsers["support"], note="<script>alert(1)</script>")
    response = {role: (await browser.get(f"/console/orders/{order_no}")).text for role, browser in browsers.items()}
    assert {role for role, text in response.items() if "li@example.com" in text} == {"support", "warehouse", "admin"}
    assert {role for role, text in response.items() if "Captured" in text} == {
        "support",
        "finance",
        "operations",
        "admin",
    }
    assert {role for role, text in response.items() if f"{order_no}/cancel" in text} == {"support", "admin"}
    assert "&lt;script&gt;alert(1)" in response["support"] and "<script>alert" not in response["support"]
    assert "order placed" in response["finance"] and "Reserving stock" in response["finance"]
    for typed in ("0000000000000000", "nonsense"):
        assert (await browsers["support"].get(f"/console/orders/{typed}")).status_code == 404


async def test_cancelling_shows_first_and_needs_a_reason(support: StaffBrowser) -> None:
    order_no = await placed(support)
    response = await support.get(f"/console/orders/{order_no}/cancel")
    assert response.status_code == 200 and "Refunded to the customer" in response.text
    empty = await support.post(f"/console/orders/{order_no}/cancel", reason="  ")
    assert (empty.status_code, "reason_missing" in empty.text) == (422, True)
    # No Temporal here: the page says that the same act may be tried again, and nothing is half done.
    answer = await support.post(f"/console/orders/{order_no}/cancel", reason="asked", key=hidden(response.text, "key"))
    assert (answer.status_code, "workflow_unavailable" in answer.text) == (503, True)
    assert hidden(answer.text, "key") == hidden(response.text, "key"), "sent once more, it is the same act"
    assert (await support.api.sql("SELECT cancelling FROM orders WHERE order_no = %s", order_no))[0][
        "cancelling"
    ] is None


async def test_stuck_orders_are_grouped_by_cause(support: StaffBrowser) -> None:
    error = unique("err")
    orders = [await parked(support, error) for _ in range(3)]
    queue = (await support.get("/console/stuck/groups")).text
    row = re.search(rf"<tr[^>]*>(?:(?!</tr>).)*{error}.*?</tr>", queue, re.S)
    assert row is not None and ">3" in row[0] and "¥255.00" in row[0]
    group = (await support.get("/console/stuck/group", step="book", error=error, provider="sandbox")).text
    assert all(order_no in group for order_no in orders)
    assert orders[0] in (await support.get(f"/console/stuck/{orders[0]}")).text


async def bulk(browser: StaffBrowser, error: str, **fields: str) -> Any:
    body = {"step": "book", "error": error, "provider": "sandbox", "action": "retry", "reason": "carrier is back"}
    return await browser.post("/console/stuck/bulk", **(body | fields))


async def test_a_bulk_act_asks_for_the_number_and_acts_once(support: StaffBrowser) -> None:
    error = unique("err")
    for _ in range(3):
        await parked(support, error)
    response = await bulk(support, error)
    assert (response.status_code, "Are you sure?" in response.text, "¥255.00" in response.text) == (200, True, True)
    key = hidden(response.text, "key")
    wrong = await bulk(support, error, count="2", key=key)
    assert (wrong.status_code, "There are 3 orders now" in wrong.text) == (409, True)
    twice = [await bulk(support, error, count="3", key=key) for _ in range(2)]
    assert {answer.status_code for answer in twice} == {303}
    assert len({answer.headers["location"] for answer in twice}) == 1
    page = await support.get(twice[0].headers["location"])
    assert "carrier is back" in page.text and 'max="3" value="0"' in page.text and support.name in page.text
    jobs = await support.get("/console/jobs")
    assert twice[0].headers["location"] in jobs.text
    stopped = await support.post(f"{twice[0].headers['location']}/stop", key=hidden(page.text, "key"))
    assert stopped.status_code == 303
    progress = await support.get(f"{twice[0].headers['location']}/progress")
    assert "data-ended" in progress.text and "stopped" in progress.text


async def test_a_bulk_act_over_nothing_or_everything(support: StaffBrowser) -> None:
    nothing = await bulk(support, unique("err"))
    assert (nothing.status_code, "nothing_stuck" in nothing.text) == (409, True)
    await parked(support, unique("err"))
    everything = await support.post("/console/stuck/bulk", action="retry", reason="all of it")
    assert (everything.status_code, "all orders that need attention" in everything.text) == (200, True)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"reason": " "}, "reason_missing"),
        ({"action": "explode"}, "validation_failed"),
        ({"rate_per_s": "0"}, "validation_failed"),
        ({"rate_per_s": "fast"}, "validation_failed"),
        ({"csrf": "0" * 32}, "form_expired"),
    ],
)
async def test_a_bulk_act_that_does_not_fit(support: StaffBrowser, fields: dict[str, str], code: str) -> None:
    error = unique("err")
    await parked(support, error)
    answer = await bulk(support, error, **fields)
    assert answer.status_code in (403, 422) and code in answer.text, answer.text


async def test_a_value_of_the_wrong_shape_is_refused_with_the_shape(support: StaffBrowser) -> None:
    order_no = await parked(support, unique("err"))
    body = {"action": "skip", "reason": "by hand", "value.carrier": "SF"}
    answer = await support.post(f"/console/stuck/{order_no}", **body)
    assert (answer.status_code, "tracking_no" in answer.text) == (422, True)
    response = await support.post(
        f"/console/stuck/{order_no}", **(body | {"value.tracking_no": "SF1", "key": "k" * 32})
    )
    assert (response.status_code, "workflow_unavailable" in response.text) == (503, True)


async def test_whoever_comes_second_is_informed(support: StaffBrowser) -> None:
    order_no = await parked(support, unique("err"))
    await support.api.sql(
        """WITH r AS (INSERT INTO resolutions (resolution_id, order_no, action, actor, reason_enc)
                      VALUES (%s, %s, 'retry', 'support:bob', '') RETURNING resolution_id)
           UPDATE parked_steps SET resolved_at = now(), resolution_id = r.resolution_id FROM r WHERE order_no = %s""",
        unique("res"), order_no, order_no,
    )  # fmt: skip
    page = await support.get(f"/console/stuck/{order_no}")
    assert "no longer needs attention" in page.text and "bob (support)" in page.text
    late = await support.post(f"/console/stuck/{order_no}", action="retry", reason="again")
    assert (late.status_code, "not_parked" in late.text) == (409, True)


async def test_support_alone_acts_on_stuck_orders(shop: ApiClient) -> None:
    order_no = await parked(await sign_in(shop, "support"), unique("err"))
    job = f"job_{'0' * 32}"
    for role in ("warehouse", "finance", "operations"):
        browser = await sign_in(shop, role)
        for path in (
            f"orders/{order_no}/running",
            f"orders/{order_no}/change",
            f"orders/{order_no}/parcel",
            f"orders/{order_no}/parcel/reship",
            f"orders/{order_no}/activity/pause",
            f"orders/{order_no}/reset",
            f"stuck/{order_no}/amend",
            "jobs",
            f"jobs/{job}",
        ):
            assert (await browser.get(f"/console/{path}")).status_code == 403, path
        # Operations are alerted about what needs attention, so they see it; support acts.
        for path in ("retrying", "stuck", "stuck/groups", "stuck/group?step=book", f"stuck/{order_no}"):
            answer = await browser.get(f"/console/{path}")
            assert answer.status_code == (200 if role == "operations" else 403), path
            assert role != "operations" or not re.search('data-action=|action="/console/stuck', answer.text), path
        for path in (
            "stuck/bulk",
            f"stuck/{order_no}",
            f"stuck/{order_no}/retry",
            f"orders/{order_no}/activity/pause",
            f"jobs/{job}/stop",
            f"orders/{order_no}/cancel",
            f"orders/{order_no}/running/1",
            f"orders/{order_no}/reset",
            f"orders/{order_no}/change",
            f"orders/{order_no}/parcel",
            "bugs/reset",
            f"bugs/resets/rst_{'0' * 32}/stop",
        ):
            assert (await browser.post(f"/console/{path}", action="retry", reason="x")).status_code == 403, path
    browser = await sign_in(shop, "warehouse")
    assert (await browser.post(f"/console/orders/{order_no}/priority", priority="vip", reason="x")).status_code == 403
    assert (await browser.post(f"/console/orders/{order_no}/adjust", event="x", reason="x")).status_code == 403
    assert (await browser.post(f"/console/orders/{order_no}/refund", amount="1", reason="x")).status_code == 403
    for path in (
        f"approvals/apr_{'0' * 32}",
        f"orders/{order_no}/adjust",
        f"orders/{order_no}/refund",
        f"orders/{order_no}/return",
        "customers/c-17/store-credit",
    ):
        assert (await browser.get(f"/console/{path}")).status_code == 403, path
    assert (await browser.post(f"/console/approvals/apr_{'0' * 32}/approve", reason="x")).status_code == 403
    admin = await sign_in(shop, "admin")
    assert (await admin.get("/console/stuck")).status_code == 200
    assert (await admin.get(f"/console/jobs/{job}")).status_code == 404


async def test_pages_speak_chinese_and_are_light(shop: ApiClient) -> None:
    browser = await sign_in(shop, "support", "zh")
    order_no = await parked(browser, unique("err"))
    static = sum(file.stat().st_size for file in STATIC.iterdir())
    for path, words_there in (
        ("", "订单"),
        ("/stuck", "异常订单"),
        (f"/orders/{order_no}", "时间线"),
        ("/jobs", "批量任务"),
        ("/holds", "挂起"),
        ("/approvals", "审批"),
        (f"/orders/{order_no}/adjust", "手动更新"),
        (f"/orders/{order_no}/hold", "挂起订单"),
        (f"/orders/{order_no}/refund", "没有可退余额"),
        (f"/orders/{order_no}/change", "修改订单"),
        (f"/orders/{order_no}/return", "创建退货"),
        ("/customers/c-17/store-credit", "店铺余额"),
        ("/retrying", "正在重试的步骤"),
        ("/feedback", "评价"),
        (f"/orders/{order_no}/documents", "开具发票"),
    ):
        page = await browser.get(f"/console{path}")
        assert words_there in page.text
        assert len(page.content) + static < 150_000


def test_every_word_is_there_in_both_languages() -> None:
    known = i18n.catalogue()
    assert all(english.strip() and chinese.strip() for english, chinese in known.values())
    for file in TEMPLATES.glob("*.html"):
        for key in re.findall(r"\bt\('([^']+)'[,)]", file.read_text(encoding="utf-8")):
            assert key in known, f"{file.name}: {key}"
    for english, chinese in known.values():
        assert set(re.findall(r"\{\w+\}", english)) == set(re.findall(r"\{\w+\}", chinese)), english


def test_every_code_has_words() -> None:
    known = i18n.catalogue()
    wanted = {f"event.{event}" for event in {*map(str, OrderEvent), *NOTES}}
    wanted |= {f"status.{status}" for status in Status} | {f"step.{step}" for step in Step}
    for step, rule in STEPS.items():
        wanted |= {f"action.{option}" for option in rule.options} | {f"stuck.means.{option}" for option in rule.options}
        wanted |= {f"field.{name}" for name in {**(rule.skip or {}), **(rule.amend or {})}}
        assert f"step.{step}" in known
    wanted |= {f"hold.{kind}" for kind in HoldKind} | {f"holds.means.{kind}" for kind in HoldKind}
    wanted |= {f"outcome.{outcome}" for outcome in Outcome} | {f"priority.{priority}" for priority in Priority}
    wanted |= {f"refund_status.{status}" for status in RefundStatus} | {f"origin.{origin}" for origin in Origin}
    wanted |= {f"field.{name}" for rule in ADJUSTMENTS.values() for name in rule.shape}
    wanted |= {f"situation_owner.{owner}" for owner in Owner}
    assert wanted <= set(known), sorted(wanted - set(known))


def test_every_error_of_a_provider_has_words() -> None:
    raised = re.compile(r'Provider(?:Refused|Unavailable)\(\s*"(\w+)"')
    sources = [
        file.read_text(encoding="utf-8") for folder in ("infra", "activities") for file in Path(folder).rglob("*.py")
    ]
    codes = {code for source in sources for code in raised.findall(source)} | {"paid_twice", "http_503", "bug_23514"}
    assert len(codes) > 20
    assert {code for code in codes if i18n.WORDS.error_words("en", code) is None} == set()


def test_no_page_brings_anything_from_elsewhere() -> None:
    for file in [*TEMPLATES.glob("*.html"), *STATIC.iterdir()]:
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"https?://|\bstyle=|\bon\w+=\"|<script>", text), file.name
    assert json.dumps(list(i18n.LANGUAGES)) == '["en", "zh"]'
