"""Invoices, credit notes and feedback in the console."""

import re

import pytest

from tests.api.conftest import ApiClient
from tests.console.conftest import StaffBrowser, sign_in
from tests.factories.sales import cancelled, paid, placed, refunded


def keys(html: str) -> list[str]:
    return re.findall(r'name="key" value="([^"]*)"', html)


async def test_support_issues_an_invoice_and_keeps_it_as_pdf(support: StaffBrowser) -> None:
    order_no = await paid(support.api)
    assert "No invoice yet." in (await support.get(f"/console/orders/{order_no}")).text
    path = f"/console/orders/{order_no}/documents"
    (key,) = keys((await support.get(path)).text)
    body = {"title": "上海示例科技有限公司", "tax_number": "91310115MA1H7X2K3B", "address": "", "key": key}
    twice = [await support.post(f"/console/orders/{order_no}/invoice", **body) for _ in range(2)]
    assert [answer.status_code for answer in twice] == [303, 303]
    page = (await support.get(path)).text
    (document_no,) = set(re.findall(r"INV-\d{4}-\d{6}", page))
    assert "Issue the invoice" not in page and "¥85.00" in page
    assert f"/console/documents/{document_no}.pdf?lang=en" in (await support.get(f"/console/orders/{order_no}")).text
    pdf = await support.get(f"/console/documents/{document_no}.pdf", lang="zh")
    assert (pdf.status_code, pdf.headers["content-type"], pdf.content[:5]) == (200, "application/pdf", b"%PDF-")
    assert pdf.headers["cache-control"] == "private, no-store"
    row = await support.api.sql("SELECT actor, action FROM audit_log WHERE order_no = %s ORDER BY entry_id", order_no)
    assert row[-1] == {"actor": f"support:{support.name}", "action": "invoice_issued"}


async def test_finance_credits_refunds_and_what_a_cancellation_leaves(shop: ApiClient) -> None:
    finance = await sign_in(shop, "finance")
    order_no = await paid(shop)
    refund_id = await refunded(shop, order_no, 1000)
    path = f"/console/orders/{order_no}/documents"
    assert refund_id not in (await finance.get(path)).text, "the invoice comes first"
    early = await finance.post(f"/console/refunds/{refund_id}/credit-note")
    assert (early.status_code, "invoice_missing" in early.text) == (409, True)
    assert (await finance.post(f"/console/orders/{order_no}/invoice")).status_code == 303
    page = (await finance.get(path)).text
    assert f"/console/refunds/{refund_id}/credit-note" in page and f"orders/{order_no}/credit-note" not in page
    assert (await finance.post(f"/console/refunds/{refund_id}/credit-note", key=keys(page)[0])).status_code == 303
    await cancelled(shop, order_no, 7500)
    page = (await finance.get(path)).text
    assert f"orders/{order_no}/credit-note" in page and f"/console/refunds/{refund_id}" not in page
    assert (await finance.post(f"/console/orders/{order_no}/credit-note")).status_code == 303
    page = (await finance.get(path)).text
    assert len(set(re.findall(r"CN-\d{4}-\d{6}", page))) == 2 and '<form class="card' not in page


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"tax_number": "91310115MA1H7X2K3B"}, 422, "validation_failed"),
        ({"title": "x" * 101}, 422, "validation_failed"),
        ({"title": "a\x01b"}, 422, "invalid_text"),
        ({"csrf": "0" * 32}, 403, "form_expired"),
    ],
)
async def test_a_form_that_does_not_fit(support: StaffBrowser, fields: dict[str, str], status: int, code: str) -> None:
    order_no = await paid(support.api)
    answer = await support.post(f"/console/orders/{order_no}/invoice", **fields)
    assert answer.status_code == status and code in answer.text, answer.text
    unpaid = await placed(support.api)
    refused = await support.post(f"/console/orders/{unpaid}/invoice")
    assert refused.status_code == 409 and "not_invoiceable" in refused.text


async def test_who_sees_money_sees_that_there_is_an_invoice_and_who_bills_opens_it(shop: ApiClient) -> None:
    order_no = await paid(shop)
    document_no = (await shop.post(f"/v1/orders/{order_no}/invoice")).json()["document_no"]
    browsers = {role: await sign_in(shop, role) for role in ("support", "warehouse", "finance", "operations", "admin")}
    orders = {role: (await browser.get(f"/console/orders/{order_no}")).text for role, browser in browsers.items()}
    assert {role for role, text in orders.items() if document_no in text} == {
        "support",
        "finance",
        "operations",
        "admin",
    }
    for path in (f"/console/documents/{document_no}.pdf", f"/console/orders/{order_no}/documents"):
        opened = {role for role, browser in browsers.items() if (await browser.get(path)).status_code == 200}
        assert opened == {"support", "finance", "admin"}, path
    for role in ("warehouse", "operations"):
        for path in (f"orders/{order_no}/invoice", f"orders/{order_no}/credit-note", "refunds/rfd_1/credit-note"):
            assert (await browsers[role].post(f"/console/{path}")).status_code == 403, path
    assert (await browsers["support"].get("/console/documents/INV-2026-999999.pdf")).status_code == 404
    assert (await browsers["support"].get("/console/documents/..%2f.pdf")).status_code == 404


SCRIPT = "<script>alert(1)</script> {{ 7*7 }}"


async def test_support_reads_filters_and_answers_feedback(support: StaffBrowser) -> None:
    order_no = await placed(support.api)
    body = {"rating": 1, "kind": "complaint", "text": SCRIPT}
    feedback_id = (await support.api.post(f"/v1/orders/{order_no}/feedback", body)).json()["feedback_id"]
    page = (await support.get("/console/feedback", rating="1", kind="complaint", state="open")).text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; {{ 7*7 }}" in page and "<script>alert" not in page
    assert order_no in page and "Last 30 days" in page and f"/console/feedback/{feedback_id}/answer" in page
    assert order_no not in (await support.get("/console/feedback", rating="2")).text
    empty = await support.post(f"/console/feedback/{feedback_id}/answer", text="  ")
    assert (empty.status_code, "validation_failed" in empty.text) == (422, True)
    answered = await support.post(f"/console/feedback/{feedback_id}/answer", text="<b>sorry</b>\r\n对不起")
    assert answered.status_code == 303
    page = (await support.get("/console/feedback", state="answered")).text
    assert "&lt;b&gt;sorry&lt;/b&gt;\n对不起" in page and f"{feedback_id}/answer" not in page
    order = (await support.get(f"/console/orders/{order_no}")).text
    assert "&lt;script&gt;alert(1)" in order and "&lt;b&gt;sorry" in order and "<script>alert" not in order
    late = await support.post(f"/console/feedback/{feedback_id}/answer", text="again")
    assert (late.status_code, "feedback_answered" in late.text) == (409, True)


async def test_operations_read_feedback_and_do_not_answer(shop: ApiClient) -> None:
    order_no = await placed(shop)
    feedback_id = (await shop.post(f"/v1/orders/{order_no}/feedback", {"rating": 5})).json()["feedback_id"]
    browsers = {role: await sign_in(shop, role) for role in ("support", "warehouse", "finance", "operations", "admin")}
    opened = {role for role, browser in browsers.items() if (await browser.get("/console/feedback")).status_code == 200}
    assert opened == {"support", "operations", "admin"}
    orders = {role: (await browser.get(f"/console/orders/{order_no}")).text for role, browser in browsers.items()}
    assert {role for role, text in orders.items() if "5 of 5" in text} == opened
    page = (await browsers["operations"].get("/console/feedback")).text
    assert order_no in page and f"{feedback_id}/answer" not in page
    for role in ("warehouse", "finance", "operations"):
        refused = await browsers[role].post(f"/console/feedback/{feedback_id}/answer", text="x")
        assert refused.status_code == 403, role


@pytest.mark.parametrize("query", ["rating=6", "kind=x", "state=x", "cursor=x"])
async def test_bad_filters_are_refused_in_words(support: StaffBrowser, query: str) -> None:
    answer = await support.http.get(f"/console/feedback?{query}")
    assert answer.status_code == 422 and "<h1>" in answer.text


async def test_feedback_comes_in_pages(support: StaffBrowser) -> None:
    for _ in range(11):
        order_no = await placed(support.api)
        for _ in range(5):
            assert (await support.api.post(f"/v1/orders/{order_no}/feedback", {"rating": 2})).status_code == 201
    first = (await support.get("/console/feedback", rating="2")).text
    rest = re.findall(r'href="/console/feedback\?([^"]*cursor=[^"]*)"', first)[0].replace("&amp;", "&")
    second = (await support.http.get(f"/console/feedback?{rest}")).text
    found = [re.findall(r"feedback/(fbk_\w+)/answer", text) for text in (first, second)]
    assert len(found[0]) == 50 and len(found[1]) == 5 and not set(found[0]) & set(found[1])
