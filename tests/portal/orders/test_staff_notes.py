"""What staff note of an order is nowhere in the portal, in either language."""

from tests.api.collaboration.test_labels import assign, tag
from tests.api.collaboration.test_notes import colleague, noted
from tests.api.conftest import ApiClient
from tests.portal.conftest import a_customer, placed, signed_in

SECRET = "topsecret"


async def test_customers_see_no_notes_no_tags_and_no_assignee(shop: ApiClient) -> None:
    customer, pat = a_customer(), await colleague(shop)
    order_no = await placed(shop, customer)
    await noted(shop, order_no, f"{SECRET} @{pat}")
    assert (await tag(shop, order_no, SECRET)).status_code == 200
    assert (await assign(shop, order_no, pat)).status_code == 200
    for lang in ("en", "zh"):
        browser = await signed_in(shop, customer, lang)
        for path in ("", f"/orders/{order_no}", f"/orders/{order_no}/documents", f"/orders/{order_no}/feedback"):
            page = await browser.get(path)
            assert page.status_code == 200, path
            assert SECRET not in page.text.lower() and pat not in page.text, path
        await browser.http.aclose()


async def test_exports_and_reasons_of_the_audit_log_hold_no_notes(shop: ApiClient) -> None:
    order_no = await placed(shop, a_customer())
    await noted(shop, order_no, SECRET)
    listed = await shop.get("/v1/orders/export", q=order_no)
    assert listed.status_code == 200 and order_no in listed.text and SECRET not in listed.text
    audited = await shop.as_("operations").get("/v1/audit", order_no=order_no)
    assert "note_added" in audited.text and SECRET not in audited.text
