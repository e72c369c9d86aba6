"""The form that reports what has happened outside: of an order in several parts, one for each parcel."""

import pytest

from tests.api.conftest import ApiClient
from tests.console.conftest import sign_in
from tests.factories.split_orders import split


@pytest.mark.parametrize(("lang", "part"), [("en", "Fulfilment 2, WH-SOUTH"), ("zh", "发货 2，WH-SOUTH")])
async def test_each_part_has_what_can_be_reported_of_its_parcel(shop: ApiClient, lang: str, part: str) -> None:
    number = await split(shop, "shipped", "picking", "reserved")
    amy = await sign_in(shop, "support", lang)
    page = (await amy.get(f"/console/orders/{number}/adjust")).text
    assert part in page
    for anchor in ("shipment_delivered-1", "shipment_picked_up-2", "shipment_recorded-3"):
        assert f'id="{anchor}"' in page
    assert page.count('name="fulfilment_id"') == 3
    path, form = f"/console/orders/{number}/adjust", {"event": "shipment_recorded", "fulfilment_id": f"{number}-F3"}
    refused = await amy.post(path, **form, **{"value.carrier": "", "value.tracking_no": "", "reason": "seen"})
    assert refused.status_code == 422 and f'value="{number}-F3"' in refused.text
