"""The pool of a virtual product in the console: filled, counted, never shown."""

import pytest

from tests.api.conftest import ApiClient
from tests.api.virtual.test_codes import a_virtual_product
from tests.console.conftest import StaffBrowser, sign_in


async def add(browser: StaffBrowser, sku: str, typed: str, key: str = "add-once") -> tuple[int, str]:
    answer = await browser.post(f"/console/products/{sku}/codes", codes=typed, key=f"{sku}-{key}")
    return answer.status_code, answer.text


@pytest.mark.parametrize(("lang", "low"), [("en", "Few codes are left (2)"), ("zh", "兑换码所剩不多（2）")])
async def test_codes_are_pasted_one_in_each_line_and_counted(shop: ApiClient, lang: str, low: str) -> None:
    sku, operations = await a_virtual_product(shop), await sign_in(shop, "operations", lang)
    assert f"/console/products/{sku}/codes" in (await operations.get(f"/console/products/{sku}")).text
    for _ in range(2):
        assert (await add(operations, sku, "CARD-1\r\n\r\n  CARD-2 \r\nCARD-1\r\n"))[0] == 303
    page = (await operations.get(f"/console/products/{sku}/codes")).text
    assert low in page and "CARD-1" not in page and page.count("<tbody>") == 1
    assert [one["added"] for one in await shop.sql("SELECT added FROM code_uploads WHERE sku = %s", sku)] == [2]


async def test_refused_codes_are_not_shown_again(shop: ApiClient) -> None:
    sku, operations = await a_virtual_product(shop), await sign_in(shop, "operations")
    for place, typed in enumerate(("", "GOOD-CODE\n" + "x" * 201, "GOOD-CODE\n\u202eturned")):
        status, page = await add(operations, sku, typed, str(place))
        assert status == 422 and "Nothing was added" in page and "GOOD-CODE" not in page
    assert await shop.sql("SELECT 1 FROM code_uploads WHERE sku = %s", sku) == []


async def test_only_operations_add_and_only_codes_have_a_pool(shop: ApiClient) -> None:
    sku, support = await a_virtual_product(shop), await sign_in(shop, "support")
    page = (await support.get(f"/console/products/{sku}/codes")).text
    assert "<textarea" not in page
    assert (await add(support, sku, "A"))[0] == 403
    assert (await support.get("/console/products/TEA-1/codes")).status_code == 409
    assert "/codes" not in (await support.get("/console/products/TEA-1")).text
