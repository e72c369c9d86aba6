"""Operations sets cut-off, capacity and buffers on the page of a warehouse; errors stand at their field."""

import pytest

from tests.api.conftest import ApiClient
from tests.console.conftest import sign_in
from tests.factories.order_changes import HOUSE

PATH = f"/console/warehouses/{HOUSE}"
FIELDS = {"cut_off": "11:30", "time_zone": "Asia/Shanghai", "capacity": "", "buffer": "2",
          "channel_buffers": "web=5, app=7"}  # fmt: skip


@pytest.mark.parametrize("lang", ["en", "zh"])
async def test_settings_are_saved_and_shown(shop: ApiClient, lang: str) -> None:
    olga = await sign_in(shop, "operations", lang)
    assert 'value="16:00"' in (await olga.get(PATH)).text
    assert (await olga.post(f"{PATH}/sourcing", **FIELDS)).status_code == 303
    page = (await olga.get(PATH)).text
    assert 'value="11:30"' in page and 'value="app=7, web=5"' in page
    (known,) = [one for one in (await shop.get("/v1/sourcing/warehouses")).json()["items"] if one["warehouse"] == HOUSE]
    assert (known["capacity"], known["buffer"], known["channel_buffers"]) == (None, 2, {"app": 7, "web": 5})
    assert (await olga.post(f"{PATH}/sourcing", cut_off="")).status_code == 303


@pytest.mark.parametrize(
    ("name", "typed"),
    [("cut_off", "25:00"), ("time_zone", "Mars"), ("capacity", "-1"), ("buffer", "some"),
     ("channel_buffers", "web"), ("channel_buffers", "web=many")],
)  # fmt: skip
async def test_an_error_stands_at_its_field(shop: ApiClient, name: str, typed: str) -> None:
    olga = await sign_in(shop, "operations")
    refused = await olga.post(f"{PATH}/sourcing", **(FIELDS | {name: typed}))
    assert refused.status_code == 422
    assert f'id="f-{name}-error"' in refused.text and f'value="{typed}"' in refused.text
    amy = await sign_in(shop, "warehouse")
    assert (await amy.post(f"{PATH}/sourcing", **FIELDS)).status_code == 403
