"""Pages without an open order look as their shop does wherever it is known; the list agrees with the order's page."""

import re
from datetime import timedelta
from typing import Any

import pytest

from api.background import usual_deliveries
from api.errors import unavailable
from api.portal.rendering import SHOP_COOKIE
from api.services.portal.code_sending import link_of
from domain.after_sales.return_window import ReturnWindow
from infra.db.portal import order_summaries
from infra.db.portal.sign_in_codes import Secrets
from tests.api.conftest import ApiClient, an_order, unique
from tests.factories.returns import a_return, moves
from tests.portal.after_sales.test_returns import at_home
from tests.portal.conftest import Browser, a_customer, browser_of, placed, signed_in


async def a_shop(shop: ApiClient) -> tuple[str, str]:
    """A channel with a name of its own, and the name."""
    channel, name = unique("shop"), unique("Tea House ")
    look = {"name": name, "colour": "#7a1fa2", "contact": "https://tea.example/help"}
    caller = shop.as_("operations")
    answer = await caller.http.put(f"/v1/channels/{channel}", json=look, headers=caller.headers)
    assert answer.status_code == 200, answer.text
    return channel, name


def looks_like(page: str, channel: str, name: str) -> bool:
    return name in page and f"/looks/{channel}.css" in page and "tea.example/help" in page


@pytest.mark.parametrize("path", ["/sign-in?shop={}", "/enter?token=none&shop={}", "/enter?shop={}"])
async def test_a_page_whose_address_names_the_shop_looks_like_it(shop: ApiClient, path: str) -> None:
    channel, name = await a_shop(shop)
    stranger = browser_of(shop)
    page = (await stranger.http.get("/portal" + path.format(channel))).text
    assert looks_like(page, channel, name)
    for later in ("/sign-in", "/orders/none/nothing", "/enter?token=expired"):
        assert looks_like((await stranger.http.get(f"/portal{later}", follow_redirects=True)).text, channel, name), (
            later
        )
    refused = await stranger.post("/enter", token="expired")
    assert refused.status_code == 401 and looks_like(refused.text, channel, name)
    assert name not in (await browser_of(shop).get("/sign-in")).text, "another browser has the default look"


async def test_an_order_of_a_shop_leads_to_a_sign_in_that_looks_like_it(browser: Browser) -> None:
    channel, name = await a_shop(browser.api)
    customer = a_customer()
    order_no = await placed(browser.api, customer, channel=channel)
    to_sign_in = await browser.get(f"/orders/{order_no}")
    assert looks_like((await browser.http.get(to_sign_in.headers["location"])).text, channel, name)
    await browser.ask(customer["email"])
    assert looks_like((await browser.get("/code")).text, channel, name)
    link = link_of(browser.api.app.state.services.settings, Secrets("", "abc"), channel)
    assert link.endswith(f"/portal/enter?token=abc&shop={channel}")


@pytest.mark.parametrize("named", ["../../x", "<script>", "x" * 200, "no-such-shop"])
async def test_whatever_is_no_shop_has_the_default_look(shop: ApiClient, named: str) -> None:
    stranger = browser_of(shop)
    stranger.http.cookies.set(SHOP_COOKIE, "also none", path="/portal")
    page = await stranger.get("/sign-in", shop=named)
    assert page.status_code == 200 and ".css?v=" in page.text and "/looks/" not in page.text


async def test_the_page_of_an_outage_keeps_the_shops_look(shop: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    channel, name = await a_shop(shop)
    customer = a_customer()
    browser = await signed_in(shop, customer)
    order_no = await placed(shop, customer, channel=channel)
    assert looks_like((await browser.get(f"/orders/{order_no}")).text, channel, name)

    async def lost(*_: Any) -> None:
        raise unavailable("database_unavailable")

    monkeypatch.setattr("api.services.portal.portal_sessions.sessions.session_of", lost)
    page = await browser.get(f"/orders/{order_no}")
    assert page.status_code >= 500 and looks_like(page.text, channel, name)


async def test_the_list_says_of_open_returns_what_the_orders_page_says(
    shop: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row knows no returns: after the window, both wait for them."""
    browser, order_no = await at_home(shop)
    answer = await shop.as_("support").post(f"/v1/orders/{order_no}/returns", a_return())
    assert answer.status_code == 201, answer.text
    pages = [(await browser.get(path)).text for path in ("", f"/orders/{order_no}")]
    assert all("You can return items until" in page and "A return is still open." not in page for page in pages)
    monkeypatch.setattr(ReturnWindow, "is_over", lambda *_: True)
    pages = [(await browser.get(path)).text for path in ("", f"/orders/{order_no}")]
    assert all("A return is still open." in page and "You can return items until" not in page for page in pages)


async def test_how_long_deliveries_take_is_read_once_for_a_channel_and_a_country(
    shop: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    customer, read = a_customer(), []
    channel = unique("shop")
    order_no = await placed(shop, customer, channel=channel)
    await moves(shop, order_no, "stock_reserved", "received", "pending_payment", None)
    await moves(shop, order_no, "payment_captured", "pending_payment", "paid", None)

    async def counted(_: Any, *wanted: str) -> timedelta:
        read.append(wanted)
        return timedelta(days=3)

    monkeypatch.setattr(order_summaries, "usual_delivery", counted)
    browser = await signed_in(shop, customer)
    for _ in range(3):
        assert "Estimated delivery" in (await browser.get(f"/orders/{order_no}")).text
    assert read == [(channel, "CN")]
    monkeypatch.setattr(usual_deliveries, "monotonic", lambda: 1e12)
    await browser.get(f"/orders/{order_no}")
    assert len(read) == 2, "it is read again once it is old"


async def test_the_list_names_no_single_zone(shop: ApiClient) -> None:
    customer = a_customer()
    ohio = {**an_order()["ship_to"], "country": "US", "province": "Ohio", "city": "Columbus", "postcode": "43004"}
    order_no = await placed(shop, customer, ship_to=ohio)
    browser = await signed_in(shop, customer)
    assert "local to where each order goes" in (await browser.get("")).text
    pages = [(await browser.get(path)).text for path in ("", f"/orders/{order_no}")]
    times = [set(re.findall(r'datetime="[^"]+([+-]\d\d:\d\d)"', page)) for page in pages]
    assert times[0] == times[1] and len(times[0]) == 1, "both write the times of the destination"
