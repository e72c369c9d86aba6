"""The audit log in the console: what an order's page shows to whom, what a person's does, and who can act."""

import re
import secrets

import pyotp
import pytest

from domain.approvals import StepResolution
from domain.support.steps import Action
from infra.db.approvals import approval_requests
from infra.db.orders.changing import cancel_reasons, staff_actions
from infra.db.support import activity_actions, parked_steps
from tests.api.conftest import ApiClient, an_order, unique
from tests.console.conftest import StaffBrowser, sign_in

ROLES = ("support", "warehouse", "finance", "operations", "admin")
REASON = "the customer rang & asked"


async def placed(browser: StaffBrowser) -> str:
    answer = await browser.api.post("/v1/orders", an_order())
    assert answer.status_code == 201, answer.text
    return str(answer.json()["order_no"])


async def reasoned(browser: StaffBrowser) -> str:
    """An order with an act on a stuck step, one on an activity and a cancellation, each with a reason."""
    order_no, services = await placed(browser), browser.api.app.state.services
    async with services.database.begin() as conn:
        known = await parked_steps.parked(conn, order_no)
        await parked_steps.keep_resolution(
            conn, services.keys, known.data_key, unique("res_x"), order_no=order_no, action="retry",
            actor="support:amy", reason=f"{REASON} 1", value=None,
        )  # fmt: skip
        await activity_actions.save(
            conn, services.keys, unique("act_x"), order_no=order_no, activity="book_shipment", action="set_timeout",
            timeout_s=90, actor="support:amy", reason=f"{REASON} 2",
        )  # fmt: skip
        await cancel_reasons.save_reason(conn, services.keys, order_no, f"{REASON} 3")
    await browser.api.sql(
        "INSERT INTO order_events (order_no, type, actor) VALUES (%s, 'cancel_requested', 'support:amy')", order_no
    )
    return order_no


def cells(html: str) -> list[list[str]]:
    """The rows of the page's table as text, tags left out."""
    rows = re.findall(r"<tr>(.*?)</tr>", html.split("<tbody>")[1], re.S)
    return [[re.sub(r"<[^>]+>", "", cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row, re.S)] for row in rows]


async def test_an_orders_page_says_who_what_why_and_where_from(support: StaffBrowser) -> None:
    order_no = await reasoned(support)
    # One more act, by a form of the console: it says where from.
    answer = await support.post(f"/console/orders/{order_no}/cancel", reason="asked", key=secrets.token_hex(16))
    assert answer.status_code == 503  # no Temporal here
    assert f"/console/orders/{order_no}/audit" in (await support.get(f"/console/orders/{order_no}")).text
    page = await support.get(f"/console/orders/{order_no}/audit")
    assert page.status_code == 200
    rows = cells(page.text)
    assert [row[0] for row in rows] == ["5", "4", "3", "2", "1"]
    requested, cancelled, activity, retried, began = (row[2:] for row in rows)
    assert requested[0] == f"support:{support.name}" and requested[1].startswith("requested a cancellation")
    assert requested[4] == "console 127.0.0.1"
    assert (
        cancelled[:2] == ["support:amy", "cancellation requested"] and cancelled[3] == "the customer rang &amp; asked 3"
    )
    assert activity[1].startswith("changed a step&#39;s timeout") or activity[1].startswith("changed a step's timeout")
    assert activity[2:4] == ["– → book_shipment 90 s", "the customer rang &amp; asked 2"]
    assert retried[3] == "the customer rang &amp; asked 1"
    assert began[1:] == ["order placed", "– → received", "–", "api 127.0.0.1"]
    (chain,) = await support.api.sql("SELECT encode(head, 'hex') AS head FROM audit_chains WHERE key = %s", order_no)
    assert "5 entries in this chain" in page.text and chain["head"][:8] in page.text


async def test_each_role_reads_what_is_its_own(shop: ApiClient) -> None:
    browsers = {role: await sign_in(shop, role) for role in ROLES}
    order_no = await reasoned(browsers["support"])
    pages = {role: await browser.get(f"/console/orders/{order_no}/audit") for role, browser in browsers.items()}
    assert {role for role, page in pages.items() if page.status_code == 200} == {*ROLES} - {"warehouse"}
    assert pages["warehouse"].status_code == 403
    assert {role for role, page in pages.items() if "the customer rang" in page.text} == {"support", "admin"}
    assert "recorded, not visible to your role" in pages["finance"].text
    for role, browser in browsers.items():
        allowed = 200 if role == "admin" else 403
        assert (await browser.get("/console/audit")).status_code == allowed
        assert (await browser.get("/console/audit", actor="support:amy")).status_code == allowed
        link = f"/console/orders/{order_no}/audit" in (await browser.get(f"/console/orders/{order_no}")).text
        assert link == (role != "warehouse")
        assert ('href="/console/audit"' in (await browser.get("/console/audit")).text) == (role == "admin")


async def test_a_manual_action_and_the_words_of_an_approver_are_there(support: StaffBrowser) -> None:
    order_no, services = await placed(support), support.api.app.state.services
    act_id, approval_id = unique("oa_x"), unique("apr_x")
    async with services.database.begin() as conn:
        action = staff_actions.StaffAction(act_id, order_no, "prioritise", "urgent", "support:amy", f"{REASON} 1")
        await staff_actions.save(conn, services.keys, action)
        resolution = StepResolution(Action.COMPENSATE, f"{REASON} 3")
        wanted = approval_requests.NewApproval(
            approval_id, order_no, resolution.action, 1, 5, "CNY", resolution, "support:amy", 600
        )
        await approval_requests.open_request(conn, services.keys, wanted)
        await approval_requests.decide(conn, services.keys, approval_id, "refused", "finance:fay", f"{REASON} 2")
    refused, page, act_row = cells((await support.get(f"/console/orders/{order_no}/audit")).text)[:3]
    assert refused[2:4] == ["finance:fay", f"refused {approval_id}"] and refused[5] == "the customer rang &amp; asked 2"
    assert page[3].startswith("requested approval") and page[5] == "–"
    assert act_row[3:6] == [f"changed the priority {act_id}", "– → urgent", "the customer rang &amp; asked 1"]


async def test_why_an_order_was_held_and_released_is_there(support: StaffBrowser) -> None:
    order_no = await placed(support)
    await support.post(f"/console/orders/{order_no}/hold", kind="address", reason=f"{REASON} 1")
    await support.post(f"/console/orders/{order_no}/holds/1/release", reason=f"{REASON} 2")
    released, held = cells((await support.get(f"/console/orders/{order_no}/audit")).text)[:2]
    assert (held[5], released[5]) == ("the customer rang &amp; asked 1", "the customer rang &amp; asked 2")


async def test_an_erased_customers_reasons_are_gone_and_the_acts_stay(support: StaffBrowser) -> None:
    order_no = await reasoned(support)
    await support.api.sql(
        "UPDATE customers SET data_key = NULL FROM orders o WHERE o.order_no = %s AND o.customer_id = "
        "customers.customer_id", order_no,
    )  # fmt: skip
    text = (await support.get(f"/console/orders/{order_no}/audit")).text
    assert "the customer rang" not in text and text.count("no longer readable") == 3


async def test_the_pages_of_a_long_story_hold_each_entry_once(support: StaffBrowser) -> None:
    order_no = await placed(support)
    await support.api.sql(
        "INSERT INTO audit_log (actor, action, order_no) SELECT 'system', 'looked', %s FROM generate_series(1, 60)",
        order_no,
    )
    first = (await support.get(f"/console/orders/{order_no}/audit")).text
    link = re.findall(r'href="(/console/orders/[^"]*cursor=[^"]*)"', first)[0]
    second = (await support.http.get(link)).text
    assert [int(row[0]) for text in (first, second) for row in cells(text)] == list(range(61, 0, -1))
    assert "cursor=" not in second


async def test_a_persons_page_and_the_review(shop: ApiClient) -> None:
    admin, name = await sign_in(shop, "admin"), unique("mo")
    operations = shop.as_("operations", name)
    for number in range(55):
        product = {"sku": f"{name}-{number}", "name": "Tea", "price_minor": 1, "currency": "CNY"}
        assert (await operations.post("/v1/products", product)).status_code == 201
    review = await admin.get("/console/audit")
    row = next(row for row in cells(review.text) if row[0] == name)
    assert row[:3] == [name, "operations", "token"] and row[4] == "55"
    assert next(row for row in cells(review.text) if row[0] == admin.name)[2:5:2] == ["may sign in", "0"]
    first = (await admin.get("/console/audit", actor=f"operations:{name}")).text
    link = re.findall(r'href="(/console/audit\?actor=[^"]*cursor=[^"]*)"', first)[0].replace("&amp;", "&")
    second = (await admin.http.get(link)).text
    assert [int(row[0]) for text in (first, second) for row in cells(text)] == list(range(55, 0, -1))
    assert "name: Tea, names: {}, active: true, barcode: null, category: null, currency: CNY, weight_g: 500" in first
    assert "added a product" in first and "api 127.0.0.1" in first
    assert "No entries" in (await admin.get("/console/audit", actor="support:nobody")).text
    for bad in ("", "x" * 201, "a\x00b"):
        assert (await admin.get("/console/audit", actor=bad)).status_code == 422
    assert (await admin.get("/console/audit", actor="support:amy", cursor="rubbish")).status_code == 422
    for typed in ("0000000000000000", "nonsense"):
        assert (await admin.get(f"/console/orders/{typed}/audit")).status_code == 404


async def test_pages_speak_chinese(shop: ApiClient) -> None:
    admin = await sign_in(shop, "admin", "zh")
    order_no = await reasoned(admin)
    assert "审计记录" in (await admin.get(f"/console/orders/{order_no}/audit")).text
    assert "访问权限复核" in (await admin.get("/console/audit")).text


async def test_coming_and_going_is_reported(shop: ApiClient) -> None:
    browser = await sign_in(shop, "support")
    assert (await browser.post("/console/sign-out")).status_code == 303
    gone = await sign_in(shop, "support")
    await shop.sql("DELETE FROM staff_sessions WHERE name = %s", gone.name)
    rows = await shop.sql(
        "SELECT actor, action, origin, reference FROM audit_log WHERE actor LIKE 'support:support-%%' OR "
        "action = 'session_ended' ORDER BY entry_id DESC LIMIT 4"
    )
    assert [(row["action"], row["origin"]) for row in rows[::-1]] == [
        ("signed_in", None),
        ("signed_out", "console 127.0.0.1"),
        ("signed_in", None),
        ("session_ended", None),
    ]
    assert rows[0]["actor"] == "system" and rows[0]["reference"] == gone.name


@pytest.mark.parametrize("known", [True, False])
async def test_a_name_that_is_guessed_at_is_reported_only_if_somebody_has_it(shop: ApiClient, known: bool) -> None:
    """What else is typed as a name may be a password."""
    name = (await sign_in(shop, "support")).name if known else unique("hunter2")
    code = pyotp.TOTP(pyotp.random_base32()).now()
    for _ in range(6):
        await shop.http.post("/console/sign-in", data={"name": name, "password": "wrong", "code": code})
    rows = await shop.sql(
        "SELECT actor, after, origin FROM audit_log WHERE action = 'sign_in_locked' AND reference = %s", name
    )
    body = {"actor": "system", "after": "5 attempts", "origin": "console 127.0.0.1"}
    assert rows == ([body] if known else [])
    assert not await shop.sql("SELECT 1 AS one FROM audit_log WHERE audit_log::text LIKE %s", "%hunter2%")
