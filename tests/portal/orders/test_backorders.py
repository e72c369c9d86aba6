"""What comes now and what later, on the portal: seen, waited for, or cancelled with its money."""

from typing import Any

import pytest

from tests.api.conftest import ApiClient
from tests.api.sourcing.test_backorders import relay_of, slipped
from tests.api.sourcing.test_late_promises import reserve
from tests.factories.order_changes import paid, placed, stocked
from tests.portal.after_sales.test_returns import plain
from tests.portal.conftest import Browser, a_customer, signed_in
from tests.portal.orders.test_changes import hidden

WORDS = {"en": ("Comes now", "Comes later", "Wait or cancel"), "zh": ("先发", "后发", "选择等待或取消")}


async def partly(shop: ApiClient, sku: str, lang: str = "en") -> tuple[Browser, str]:
    customer = a_customer()
    more: dict[str, Any] = {"backorder": True, "ship_complete": False, "payment": None}
    number = await placed(shop, sku, customer=customer, **more)
    await reserve(shop, number)
    await paid(shop, number)
    return await signed_in(shop, customer, lang), number


@pytest.mark.parametrize("lang", ["en", "zh"])
async def test_a_customer_sees_what_comes_later_and_is_asked_when_it_slips(shop: ApiClient, lang: str) -> None:
    now, later, asked = WORDS[lang]
    sku = await stocked(shop, units=1)
    browser, number = await partly(shop, sku, lang)
    page = (await browser.get(f"/orders/{number}")).text
    assert now in page and later in page and asked not in page and f"× {sku}" not in page
    await slipped(shop, sku, number, relay_of(shop))
    page = (await browser.get(f"/orders/{number}")).text
    assert asked in page and f"/orders/{number}/backorder" in page
    form = (await browser.get(f"/orders/{number}/backorder")).text
    assert form.count("<form") >= 2
    answer = await browser.post(f"/orders/{number}/backorder", choice="wait", key="wait-once")
    assert answer.status_code == 303
    page = (await browser.get(f"/orders/{number}")).text
    assert asked not in page and later in page


async def test_what_is_missing_is_cancelled_with_its_own_money(shop: ApiClient) -> None:
    sku = await stocked(shop, units=1)
    browser, number = await partly(shop, sku)
    order = (await shop.get(f"/v1/orders/{number}")).json()
    amount = order["total_minor"] * 2 // 3
    form = (await browser.get(f"/orders/{number}/backorder")).text
    assert f"{amount / 100:,.2f} goes back to you" in plain(form) and "Everything else stays" in form
    assert (await browser.post(f"/orders/{number}/backorder", choice="keep", key="k")).status_code == 422
    proof = {"key": hidden(form).get("key", "cancel-once")}
    for _ in range(2):
        assert (await browser.post(f"/orders/{number}/backorder", choice="cancel", **proof)).status_code == 303
    page = (await browser.get(f"/orders/{number}")).text
    assert "Comes later" not in page
    over = await browser.get(f"/orders/{number}/backorder")
    assert (over.status_code, "Nothing is missing any more" in over.text) == (409, True)
    stranger = await signed_in(shop, a_customer())
    assert (await stranger.get(f"/orders/{number}/backorder")).status_code == 404
