"""The look of a channel: set and read over HTTP, in the portal's pages and their stylesheet, audited."""

import re
from typing import Any

import pytest

from domain.channels import DARK, DEFAULT_COLOUR, ENOUGH_CONTRAST, LIGHT, ChannelLook, contrast, text_on
from tests.api.conftest import ApiClient, an_order, unique
from tests.portal.conftest import a_customer, signed_in

FIND = {"name": "茶 & Tea", "colour": "#7A1FA2", "contact": "mailto:help@tea.example"}


async def put(shop: ApiClient, channel: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    caller = shop.as_("operations", "olga")
    answer = await caller.http.put(f"/v1/channels/{channel}", json=body, headers=caller.headers)
    return answer.status_code, answer.json()


async def test_the_look_is_set_whole_and_audited(shop: ApiClient) -> None:
    channel = unique("shop")
    default = (await shop.get(f"/v1/channels/{channel}")).json()
    assert (default["colour"], default["name"], default["updated_at"]) == (DEFAULT_COLOUR, None, None)
    status, known = await put(shop, channel, FIND)
    assert (status, known["colour"], known["contact"]) == (200, "#7a1fa2", FIND["contact"])
    assert (known["name"], known["updated_by"]) == (FIND["name"], "operations:olga")
    assert known in (await shop.get("/v1/channels")).json()["items"]
    assert (await put(shop, channel, {"name": "Tea"}))[1]["contact"] is None, "what is left out has its default again"
    entries = (await shop.as_("operations").get("/v1/audit", actor="operations:olga")).json()["items"]
    acts = [one["action"] for one in entries if one["reference"] == channel]
    assert sorted(acts) == ["channel_added", "channel_changed"]


async def test_every_channel_with_an_order_is_listed(shop: ApiClient) -> None:
    channel = unique("ch")
    answer = await shop.as_("channel", channel).post("/v1/orders", an_order(channel=channel))
    assert answer.status_code == 201, answer.text
    listed = [one["channel"] for one in (await shop.get("/v1/channels")).json()["items"]]
    assert channel in listed and listed == sorted(set(listed))


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"colour": "#ffd400"}, "colour_contrast", ""),
        ({"colour": "#0b5cad", "dark_colour": "#0b5cad"}, "dark_colour_contrast", ""),
        ({"colour": "red"}, "validation_failed", "colour"),
        ({"colour": "#0b5cad;}body{}"}, "validation_failed", "colour"),
        ({"contact": "javascript:alert(1)"}, "validation_failed", "contact"),
        ({"contact": "http://tea.example"}, "validation_failed", "contact"),
        ({"contact": "https://user@evil.example/"}, "validation_failed", "contact"),
        ({"contact": "mailto:a@b.example?bcc=x@y.example"}, "validation_failed", "contact"),
        ({"name": "x" * 61}, "validation_failed", "name"),
        ({"name": "\u202eTea"}, "invalid_text", "name"),
        ({"logo": "0" * 64}, "picture_not_found", ""),
        ({"logo": "../x"}, "validation_failed", "logo"),
        ({"style": "x"}, "unknown_field", "style"),
        ({"max_fulfilments": 0}, "validation_failed", "max_fulfilments"),
        ({"max_fulfilments": 21}, "validation_failed", "max_fulfilments"),
    ],
)
async def test_what_does_not_fit_is_refused_at_its_field(
    shop: ApiClient, body: dict[str, Any], code: str, field: str
) -> None:
    channel = unique("shop")
    status, problem = await put(shop, channel, body)
    assert problem["code"] == code and status in (404, 422)
    assert [one["field"] for one in problem.get("errors", [])] == ([field] if field else [])
    assert (await shop.get(f"/v1/channels/{channel}")).json()["updated_at"] is None


@pytest.mark.parametrize("channel", ["x" * 33, "%00"])
async def test_what_cannot_be_a_channel_is_not_found(shop: ApiClient, channel: str) -> None:
    assert (await put(shop, channel, {}))[0] == 404


@pytest.mark.parametrize("colour", ["#000000", "#1f2937", "#7a1fa2", "#0b5cad", "#b00020", DEFAULT_COLOUR])
def test_a_colour_that_is_readable_on_light_pages_is_made_so_on_dark_ones(colour: str) -> None:
    look = ChannelLook(colour=colour)
    assert contrast(colour, LIGHT) >= ENOUGH_CONTRAST, "as the default and every accepted colour"
    assert contrast(look.at_night, DARK) >= ENOUGH_CONTRAST
    assert contrast(text_on(look.at_night), look.at_night) >= ENOUGH_CONTRAST


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


async def test_the_stylesheet_is_kept_for_good_under_its_version(shop: ApiClient) -> None:
    channel, customer = unique("ch"), a_customer()
    order = an_order(channel=channel, customer=customer)
    order_no = (await shop.as_("channel", channel).post("/v1/orders", order)).json()["order_no"]
    await put(shop, channel, FIND)
    browser = await signed_in(shop, customer)
    for path in (f"/orders/{order_no}", f"/orders/{order_no}/cancel"):
        page = (await browser.get(path)).text
        assert "茶 &amp; Tea" in page and 'href="mailto:help@tea.example"' in page and "style=" not in page
    href = re.findall(rf'href="(/portal/looks/{channel}\.css\?v=[0-9a-f]+)"', page)[0]
    sheet = await browser.http.get(href)
    assert sheet.headers["content-type"].startswith("text/css") and "#7a1fa2" in sheet.text
    assert "immutable" in sheet.headers["cache-control"]
    await put(shop, channel, FIND | {"colour": "#0b5cad"})
    assert (await browser.http.get(href)).headers["cache-control"] == "no-cache", "an old address is not kept"
    assert href not in (await browser.get(f"/orders/{order_no}")).text


@pytest.mark.parametrize("name", ["web.css", "%00.css", "nothing", "a%0d%0ab.css"])
async def test_any_name_has_a_stylesheet_of_colours_only(shop: ApiClient, name: str) -> None:
    answer = await (await signed_in(shop, a_customer())).http.get(f"/portal/looks/{name}")
    assert answer.status_code == 200 and re.fullmatch(r"[-\w\s:#,;.()%{}\[\]=]+", answer.text)
