"""The codes of an order on the portal: there once they are issued, for their owner alone."""

from tests.api.conftest import ApiClient
from tests.api.virtual.test_codes import a_virtual_product, fill, issue, paid
from tests.portal.conftest import a_customer, signed_in


async def test_a_customer_reads_the_codes_once_they_are_issued(shop: ApiClient) -> None:
    sku, customer = await a_virtual_product(shop), a_customer()
    await fill(shop, sku, "<b>PORTAL-1</b>", "PORTAL-2")
    number = await paid(shop, (sku, 2), customer=customer)
    browser, stranger = await signed_in(shop, customer), await signed_in(shop, a_customer())
    assert "PORTAL-" not in (await browser.get(f"/orders/{number}")).text
    assert await issue(shop, number) == 0
    page = (await browser.get(f"/orders/{number}")).text
    assert "Your codes" in page and "&lt;b&gt;PORTAL-1&lt;/b&gt;" in page and "PORTAL-2" in page
    assert (await stranger.get(f"/orders/{number}")).status_code == 404
    assert await shop.sql("SELECT 1 FROM code_readings WHERE order_no = %s", number) == []
