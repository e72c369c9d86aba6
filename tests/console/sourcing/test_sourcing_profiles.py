"""Operations edits the sourcing profile, tries it and switches it on; errors stand at their field, input stays."""

import re

import pytest

from tests.api.conftest import ApiClient
from tests.console.conftest import sign_in

HOME = "/console/settings/sourcing"
FRAGILE = {"s0_name": "Fragile", "s0_region": "1", "s0_categories": "fragile，茶", "s0_customer_groups": "vip"}


def typed(page: str) -> dict[str, str]:
    """The fields of the form as they are filled."""
    found = re.findall(r'<input class="form-control[^>]* name="([^"]+)"[^>]*?value="([^"]*)"', page)
    return dict(found)


async def test_a_version_is_saved_tried_and_switched_on(shop: ApiClient) -> None:
    olga = await sign_in(shop, "operations")
    fields = typed((await olga.get(f"{HOME}/new")).text)
    assert (fields["s1_name"], fields["s1_region"], fields["s1_priority"]) == ("default", "100", "10")
    saved = await olga.post(f"{HOME}/new", **(fields | {"name": "Near", "reason": "cheaper", "s1_distance": "50"}))
    assert saved.status_code == 303, saved.text
    version = saved.headers["location"].rpartition("/")[2]
    assert "Tried on past orders" in (await olga.get(f"{HOME}/{version}")).text
    refused = await olga.post(f"{HOME}/{version}/activate", reason="")
    assert refused.status_code == 422 and 'id="f-reason-error"' in refused.text
    assert (await olga.post(f"{HOME}/{version}/activate", reason="spring")).status_code == 303
    assert "In force" in (await olga.get(HOME)).text
    known = (await shop.get(f"/v1/sourcing/profiles/{version}")).json()
    assert known["active"] is True
    assert {"kind": "distance", "weight": 50, "exclude_below": 0.0} in known["strategies"][0]["criteria"]


async def test_a_strategy_is_for_some_categories_and_customer_groups(shop: ApiClient) -> None:
    olga = await sign_in(shop, "operations")
    fields = typed((await olga.get(f"{HOME}/new")).text) | {"name": "Groups", "reason": "breaks"} | FRAGILE
    saved = await olga.post(f"{HOME}/new", **fields)
    assert saved.status_code == 303, saved.text
    version = saved.headers["location"].rpartition("/")[2]
    first = (await shop.get(f"/v1/sourcing/profiles/{version}")).json()["strategies"][0]["condition"]
    assert (first["categories"], first["customer_groups"]) == (["fragile", "茶"], ["vip"])
    page = (await olga.get(f"{HOME}/{version}")).text
    assert "fragile, 茶" in page and ">vip<" in page
    edited = typed((await olga.get(f"{HOME}/new", version=version)).text)
    assert (edited["s1_categories"], edited["s1_customer_groups"]) == ("fragile, 茶", "vip")


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"name": ""}, "name"),
        ({"s1_region": "many"}, "s1_region"),
        ({"s1_region_below": "2"}, "s1_region_below"),
        ({"s1_countries": "China"}, "s1_countries"),
        ({"s1_split_points": "0"}, "s1_split_points"),
        ({"r2_transit_to_days": "0"}, "r2_transit_to_days"),
        ({"s1_channels": "web"}, "s1_countries"),
        ({"s1_customer_groups": "vip"}, "s1_countries"),
        ({"s1_categories": "x" * 61}, "s1_categories"),
    ],
)
@pytest.mark.parametrize("lang", ["en", "zh"])
async def test_an_error_stands_at_its_field_and_keeps_what_was_typed(
    shop: ApiClient, changed: dict[str, str], field: str, lang: str
) -> None:
    olga = await sign_in(shop, "operations", lang)
    sent = typed((await olga.get(f"{HOME}/new")).text) | {"name": "N", "reason": "R"} | changed
    refused = await olga.post(f"{HOME}/new", **sent)
    assert refused.status_code == 422
    assert f'id="f-{field}-error"' in refused.text and refused.text.count("invalid-feedback") == 1
    kept = typed(refused.text)
    assert {name: kept[name] for name in changed} == changed


async def test_other_roles_may_not_open_it(shop: ApiClient) -> None:
    amy = await sign_in(shop, "support")
    assert (await amy.get(HOME)).status_code == 403
    assert (await amy.get(f"{HOME}/new")).status_code == 403
