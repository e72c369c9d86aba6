"""Lost parcels, exchanges and store credit from the portal."""

from infra.db.payments import store_credit
from infra.db.payments.store_credit import EntryKind, NewEntry
from tests.api.conftest import ApiClient, unique
from tests.portal.after_sales.test_returns import FORM, at_home, plain, request_return
from tests.portal.conftest import a_customer, placed, signed_in
from tests.portal.orders.test_changes import hidden


async def test_nothing_is_chosen_where_nothing_is_lost(shop: ApiClient) -> None:
    browser, order_no = await at_home(shop)
    assert "/parcel" not in (await browser.get(f"/orders/{order_no}")).text
    for answer in (
        await browser.get(f"/orders/{order_no}/parcel"),
        await browser.post(f"/orders/{order_no}/parcel", choice="refund"),
    ):
        assert (answer.status_code, "nothing to choose any more" in answer.text) == (409, True)
    strange = await browser.post(f"/orders/{order_no}/parcel", choice="keep")
    assert strange.status_code == 422
    other, _ = await at_home(shop)
    assert (await other.get(f"/orders/{order_no}/parcel")).status_code == 404
    assert (await other.post(f"/orders/{order_no}/parcel", choice="refund")).status_code == 404


async def test_an_exchange_and_store_credit_say_what_they_bring(shop: ApiClient) -> None:
    browser, order_no = await at_home(shop)
    for resolution, text in (
        ("exchange", "the same items new, worth ¥42.50"),
        ("exchange_first", "¥42.50 are held on your card"),
        ("store_credit", "¥42.50 as store credit"),
    ):
        form = FORM | {"pieces.TEA-1": "1", "resolution": resolution}
        preview = await browser.post(f"/orders/{order_no}/return", **form, by="tok_ok")
        assert preview.status_code == 200 and text in plain(preview.text), preview.text
    path = await request_return(browser, order_no, resolution="store_credit")
    assert "Store credit" in (await browser.get(path)).text
    none = FORM | {"pieces.TEA-1": "1", "resolution": "exchange_first"}
    assert (await browser.post(f"/orders/{order_no}/return", **none)).status_code == 422
    path = await request_return(browser, order_no, resolution="exchange_first", by="tok_ok")
    page = (await browser.get(path)).text
    assert "¥42.50, requested" in plain(page) and "The new goods are order" not in page


async def test_store_credit_is_shown_and_offered_where_it_is_enough(shop: ApiClient) -> None:
    customer = a_customer()
    order_no = await placed(shop, customer, payment=None)
    browser = await signed_in(shop, customer)
    assert "store credit" not in (await browser.get("")).text
    for amount_minor, offered in ((8_499, False), (1, True)):
        async with shop.app.state.services.database.begin() as conn:
            entry = NewEntry(unique("grant"), EntryKind.GRANTED, customer["id"], "CNY", amount_minor, order_no)
            await store_credit.write(conn, entry)
        form = (await browser.get(f"/orders/{order_no}/pay")).text
        assert ("My store credit" in form) is offered
    assert "Your store credit: ¥85.00" in plain((await browser.get("")).text)
    answer = await browser.post(f"/orders/{order_no}/pay", **hidden(form), by="store_credit")
    assert answer.status_code == 503  # no workflow here; what it does is tested with one
    asked_for = await shop.sql("SELECT method FROM payment_requests WHERE order_no = %s", order_no)
    assert asked_for == [{"method": "store_credit"}]
