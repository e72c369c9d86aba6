"""Invoices, credit notes and feedback from the portal."""

from tests.api.conftest import ApiClient, open_api
from tests.conftest import DatabaseUrls
from tests.factories import sales
from tests.portal.conftest import Browser, a_customer, placed, signed_in
from tests.portal.orders.test_changes import SCRIPT, hidden


async def bought(shop: ApiClient, lang: str = "en") -> tuple[Browser, str]:
    customer = a_customer()
    order_no = await sales.paid(shop, customer=customer)
    return await signed_in(shop, customer, lang), order_no


async def test_an_invoice_is_asked_for_once_and_kept_as_pdf(shop: ApiClient) -> None:
    browser, order_no = await bought(shop, "zh")
    assert f"/portal/orders/{order_no}/documents" in (await browser.get(f"/orders/{order_no}")).text
    page = (await browser.get(f"/orders/{order_no}/documents")).text
    assert "申请发票" in page
    form = hidden(page) | {"title": SCRIPT, "tax_number": "91310115MA1H7X2K3B"}
    assert [(await browser.post(f"/orders/{order_no}/invoice", **form)).status_code for _ in range(2)] == [303, 303]
    page = (await browser.get(f"/orders/{order_no}/documents")).text
    assert page.count(".pdf") == 1 and "申请发票" not in page
    path = page.partition("/documents/")[2].partition('"')[0]
    pdf = await browser.get(f"/orders/{order_no}/documents/{path}")
    assert (pdf.headers["content-type"], pdf.content[:5]) == ("application/pdf", b"%PDF-")
    assert "no-store" in pdf.headers["cache-control"]
    other, others_no = await bought(shop)
    for foreign in (order_no, others_no):
        assert (await other.get(f"/orders/{foreign}/documents/{path}")).status_code == 404


async def test_a_refund_is_credited(shop: ApiClient) -> None:
    browser, order_no = await bought(shop)
    form = hidden((await browser.get(f"/orders/{order_no}/documents")).text)
    assert (await browser.post(f"/orders/{order_no}/invoice", **form)).status_code == 303
    refund_id = await sales.refunded(shop, order_no, 1_000)
    page = (await browser.get(f"/orders/{order_no}/documents")).text
    assert "¥10.00" in page
    path = f"/orders/{order_no}/refunds/{refund_id}/credit-note"
    assert (await browser.post(path, **hidden(page))).status_code == 303
    assert "Credit note" in (await browser.get(f"/orders/{order_no}/documents")).text
    other, others_no = await bought(shop)
    for foreign in (order_no, others_no):
        assert (await other.post(f"/orders/{foreign}/refunds/{refund_id}/credit-note")).status_code == 404


async def test_what_cannot_be_issued_is_refused_in_words(database_url: DatabaseUrls, shop: ApiClient) -> None:
    customer = a_customer()
    unpaid = await placed(shop, customer)
    browser = await signed_in(shop, customer)
    for path, status, text in (
        ("invoice", 409, "nothing to invoice"),
        ("credit-note", 409, "Request the invoice first"),
    ):
        answer = await browser.post(f"/orders/{unpaid}/{path}")
        assert answer.status_code == status and text in answer.text, answer.text
    browser, order_no = await bought(shop)
    wrong = await browser.post(f"/orders/{order_no}/invoice", tax_number="91310115MA1H7X2K3B")
    assert (wrong.status_code, "does not fit" in wrong.text) == (422, True)
    async with open_api(database_url, seller_name="") as nameless:
        nobody, order_no = await bought(nameless.as_("support", "amy"))
        unknown = await nobody.post(f"/orders/{order_no}/invoice")
        assert (unknown.status_code, "customer service" in unknown.text) == (409, True)


async def test_feedback_is_text_and_bounded(shop: ApiClient) -> None:
    browser, order_no = await bought(shop)
    page = (await browser.get(f"/orders/{order_no}/feedback")).text
    form = hidden(page) | {"rating": "5", "kind": "feedback", "text": f"{SCRIPT}\r\nfine"}
    assert [(await browser.post(f"/orders/{order_no}/feedback", **form)).status_code for _ in range(2)] == [303, 303]
    page = (await browser.get(f"/orders/{order_no}/feedback")).text
    assert SCRIPT not in page and page.count("&lt;script&gt;") == 1 and "5 – very good" in page
    for wrong in ({"rating": "6"}, {"rating": ""}, {"kind": "poem"}, {"text": "x" * 2001}):
        answer = await browser.post(f"/orders/{order_no}/feedback", **(form | wrong | {"key": "k" * 32}))
        words = "Choose a rating." if "rating" in wrong else "does not fit"
        assert (answer.status_code, words in answer.text) == (422, True), wrong
        assert "rating" not in wrong or "&lt;script&gt;" in answer.text, "what was typed stays"
    for number in range(4):
        again = form | {"key": f"{number}" * 32}
        assert (await browser.post(f"/orders/{order_no}/feedback", **again)).status_code == 303
    over = await browser.post(f"/orders/{order_no}/feedback", **(form | {"key": "9" * 32}))
    assert (over.status_code, "We read all of it" in over.text) == (409, True)
    other, _ = await bought(shop)
    assert (await other.get(f"/orders/{order_no}/feedback")).status_code == 404
    assert (await other.post(f"/orders/{order_no}/feedback", rating="5", kind="feedback")).status_code == 404
