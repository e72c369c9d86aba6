"""Operations sets how a channel looks; what does not fit is said at its field, and nothing typed is lost."""

import re

import pytest

from api.console.session import csrf_of
from tests.api.conftest import ApiClient, unique
from tests.console.conftest import sign_in
from tests.factories.pictures import HOSTILE, photograph

FIELDS = {"name": "Tea", "colour": "#7a1fa2", "dark_colour": "", "contact": "help@tea.example", "max_fulfilments": "2"}


async def test_the_look_of_a_channel_is_set_and_acknowledged(shop: ApiClient) -> None:
    channel = unique("shop")
    olga = await sign_in(shop, "operations")
    path = f"/console/settings/channels/{channel}"
    saved = await olga.post(path, **FIELDS, version="0")
    assert (saved.status_code, saved.headers["location"]) == (303, "/console/settings/channels")
    page = (await olga.get("/console/settings/channels")).text
    assert f"Channel {channel} is saved." in page and "help@tea.example" in page
    known = (await shop.get(f"/v1/channels/{channel}")).json()
    assert (known["contact"], known["updated_by"].partition(":")[0]) == ("mailto:help@tea.example", "operations")
    assert known["max_fulfilments"] == 2
    await olga.post(path, **(FIELDS | {"max_fulfilments": ""}), version="1")
    assert (await shop.get(f"/v1/channels/{channel}")).json()["max_fulfilments"] is None


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"colour": "#ffd400"}, "colour"),
        ({"dark_colour": "#101010"}, "dark_colour"),
        ({"colour": "blue"}, "colour"),
        ({"contact": "javascript:alert(1)"}, "contact"),
        ({"name": "x" * 61}, "name"),
        ({"max_fulfilments": "0"}, "max_fulfilments"),
        ({"max_fulfilments": "21"}, "max_fulfilments"),
        ({"max_fulfilments": "two"}, "max_fulfilments"),
        ({"name": "\u202e<script>"}, "name"),
    ],
)
async def test_an_error_stands_at_its_field_and_keeps_what_was_typed(
    shop: ApiClient, typed: dict[str, str], field: str, lang: str
) -> None:
    channel = unique("shop")
    olga = await sign_in(shop, "operations", lang)
    refused = await olga.post(f"/console/settings/channels/{channel}", **(FIELDS | typed))
    assert refused.status_code == 422
    assert f'id="f-{field}-error"' in refused.text and refused.text.count("invalid-feedback") == 1
    for name, value in (FIELDS | typed).items():
        assert f'name="{name}"' in refused.text and ("<" in value or f'value="{value}"' in refused.text)
    assert "<script>" not in refused.text.replace("<script src", "")
    assert (await shop.get(f"/v1/channels/{channel}")).json()["updated_at"] is None


async def test_a_logo_is_checked_written_anew_and_removed(shop: ApiClient) -> None:
    channel = unique("shop")
    olga = await sign_in(shop, "operations")
    path = f"/console/settings/channels/{channel}"
    for name, content in (("nothing", b""), *list(HOSTILE.items())[:2], ("large", b"x" * 10_000_000)):
        refused = await olga.http.post(
            f"{path}/logo", data={"csrf": csrf_of(olga.cookie)}, files={"logo": (name, content)}
        )
        assert refused.status_code == (413 if name == "large" else 422), name
        assert 'id="f-logo-error"' in refused.text, name
    logo = {"logo": ("logo.jpg", photograph("where it was taken"))}
    sent = {"csrf": csrf_of(olga.cookie), "version": "0"}
    assert (await olga.http.post(f"{path}/logo", data=sent, files=logo)).status_code == 303
    known = (await shop.get(f"/v1/channels/{channel}")).json()
    assert known["logo"] and f"/v1/pictures/{known['logo']}" in (await olga.get(path)).text
    assert (await shop.http.get(f"/v1/pictures/{known['logo']}")).headers["content-type"] == "image/webp"
    assert (await olga.post(path, **FIELDS, version="1")).status_code == 303
    assert (await shop.get(f"/v1/channels/{channel}")).json()["logo"] == known["logo"], "the form keeps it"
    assert (await olga.post(f"{path}/logo", remove="1", version="2")).status_code == 303
    assert (await shop.get(f"/v1/channels/{channel}")).json()["logo"] is None


async def test_nobody_else_sets_it(shop: ApiClient) -> None:
    for role in ("support", "warehouse", "finance"):
        person = await sign_in(shop, role)
        assert (await person.get("/console/settings/channels")).status_code == 403
        assert (await person.post("/console/settings/channels/web", **FIELDS)).status_code == 403
        assert "/console/settings/channels" not in (await person.get("/console")).text


async def test_two_people_do_not_overwrite_each_other_and_nothing_typed_is_lost(shop: ApiClient) -> None:
    channel = unique("shop")
    olga, otto = await sign_in(shop, "operations"), await sign_in(shop, "operations")
    path = f"/console/settings/channels/{channel}"
    [seen] = re.findall(r'name="version" value="(\d+)"', (await otto.get(path)).text)[:1]
    assert (await olga.post(path, **FIELDS, version=seen)).status_code == 303
    mine = FIELDS | {"name": "Coffee", "version": seen}
    logo = {"logo": ("logo.jpg", photograph("where it was taken"))}
    refused = [
        await otto.post(path, **mine),
        await otto.post(f"{path}/messages", version=seen),
        await otto.http.post(f"{path}/logo", data={"csrf": csrf_of(otto.cookie), "version": seen}, files=logo),
    ]
    for answer in refused:
        assert answer.status_code == 412 and "changed this channel meanwhile" in answer.text
    assert 'value="Coffee"' in refused[0].text and "Shop name: Tea" in refused[0].text
    [now] = set(re.findall(r'name="version" value="(\d+)"', refused[0].text))
    assert (await otto.post(path, **(mine | {"version": now}))).status_code == 303
    assert (await shop.get(f"/v1/channels/{channel}")).json()["name"] == "Coffee"


async def test_messages_are_switched_off_by_channel_and_audited(shop: ApiClient) -> None:
    channel = unique("shop")
    olga = await sign_in(shop, "operations")
    path = f"/console/settings/channels/{channel}"
    page = (await olga.get(f"{path}/messages")).text
    on = dict.fromkeys(re.findall(r'name="(on\.[a-z_]+)" value="1" checked', page), "1")
    assert len(on) == page.count('type="checkbox"') > 40 and "Order placed" in page
    del on["on.shipment_booked"]
    assert (await olga.post(f"{path}/messages", version="0", **on)).status_code == 303
    assert (await shop.get(f"/v1/channels/{channel}")).json()["messages_off"] == ["shipment_booked"]
    assert (await olga.post(path, **FIELDS, version="1")).status_code == 303
    known = (await shop.get(f"/v1/channels/{channel}")).json()
    assert (known["messages_off"], known["version"]) == (["shipment_booked"], 2), "the other form keeps it"
    assert "1 message is switched off" in (await olga.get(path)).text
    [entry] = await shop.sql(
        "SELECT after FROM audit_log WHERE reference = %s AND action = 'channel_added' LIMIT 1", channel
    )
    assert "shipment_booked" in str(entry)
    assert (await (await sign_in(shop, "support")).get(f"{path}/messages")).status_code == 403
