"""The page of an order leads to the reasons for its warehouse, in the reader's language."""

import pytest

from tests.api.conftest import ApiClient
from tests.console.conftest import sign_in
from tests.factories.order_changes import placed, reserved, stocked


@pytest.mark.parametrize(("lang", "ships"), [("en", "Ships"), ("zh", "发货")])
async def test_staff_see_why_an_order_ships_from_there(shop: ApiClient, lang: str, ships: str) -> None:
    number = await placed(shop, await stocked(shop))
    amy = await sign_in(shop, "warehouse", lang)
    assert "WH-EAST" not in (await amy.get(f"/console/orders/{number}/sourcing")).text
    await reserved(shop, number)
    page = (await amy.get(f"/console/orders/{number}/sourcing")).text
    assert "WH-EAST" in page and f">{ships}</span>" in page
    assert f'href="/console/orders/{number}/sourcing"' in (await amy.get(f"/console/orders/{number}")).text
