"""Photographs of a return: stored sealed, seen by its owner and by who handles it, limited in kind and number."""

import asyncio
import io
from typing import Any

import httpx
from PIL import Image

from tests.api.conftest import ApiClient, unique
from tests.factories.pictures import HOSTILE, photograph, picture
from tests.portal.after_sales.test_product_picker import at_home
from tests.portal.conftest import Browser, a_customer, signed_in

NOTE = "taken at home of Li Lei"


async def a_return(shop: ApiClient) -> tuple[Browser, str, str]:
    """The owner's browser, the order and the path of its return in the portal."""
    browser, order_no = await at_home(shop)
    body = {"lines": [{"sku": "TEA-1", "quantity": 1}], "reason_code": "damaged_on_arrival", "reason": "broken"}
    answer = await shop.as_("support", "amy").post(f"/v1/orders/{order_no}/returns", body | {"resolution": "refund"})
    assert answer.status_code == 201, answer.text
    return browser, order_no, f"/orders/{order_no}/returns/{answer.json()['return_id']}"


async def upload(browser: Browser, path: str, *files: bytes, key: str = "") -> httpx.Response:
    sent = [("photographs", (f"{number}.png", content)) for number, content in enumerate(files)]
    return await browser.http.post(
        f"/portal{path}/photographs", data={"csrf": browser.csrf, "key": key or unique("key")}, files=sent
    )


async def listed(shop: ApiClient, path: str) -> list[dict[str, Any]]:
    answer = await shop.as_("support", "amy").get(f"/v1/returns/{path.rpartition('/')[2]}/photographs")
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_photographs_are_stored_once_without_metadata_and_sealed(shop: ApiClient) -> None:
    browser, _, path = await a_return(shop)
    assert "Add photos" in (await browser.get(path)).text
    key = unique("key")
    for _ in range(2):
        answer = await upload(browser, path, photograph(NOTE), picture("WEBP"), key=key)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/portal{path}")
    page = (await browser.get(path)).text
    [first, second] = await listed(shop, path)
    for one in (first, second):
        assert f"{path}/photographs/{one['file_id']}?size=small" in page
    seen = await browser.get(f"{path}/photographs/{first['file_id']}")
    assert (seen.headers["content-type"], seen.headers["cache-control"]) == ("image/webp", "no-store")
    opened = Image.open(io.BytesIO(seen.content))
    assert not opened.getexif() and NOTE.encode() not in seen.content
    [row] = await shop.sql("SELECT content, owner_id FROM stored_files WHERE file_id = %s", first["file_id"])
    assert b"WEBP" not in bytes(row["content"])[:32] and row["owner_id"]
    assert (await shop.http.get(f"/v1/pictures/{first['file_id']}")).status_code == 404, "it is not public"


async def test_only_the_owner_and_who_handles_returns_sees_them(shop: ApiClient) -> None:
    browser, _, path = await a_return(shop)
    other_browser, _, other = await a_return(shop)
    await upload(browser, path, picture())
    [one] = await listed(shop, path)
    call = f"/v1/returns/{path.rpartition('/')[2]}/photographs/{one['file_id']}"
    for role, status in (("support", 200), ("warehouse", 200), ("finance", 403), ("operations", 403)):
        assert (await shop.as_(role).get(call)).status_code == status, role
    assert (await shop.as_("customer", "c-other").get(call)).status_code == 404
    stranger = await signed_in(shop, a_customer())
    for reader in (stranger, other_browser):
        assert (await reader.get(f"{path}/photographs/{one['file_id']}")).status_code == 404
    assert (await other_browser.get(f"{other}/photographs/{one['file_id']}")).status_code == 404, (
        "not by another return"
    )
    assert (await upload(stranger, path, picture())).status_code == 404


async def test_what_is_no_picture_is_said_at_the_field_and_nothing_is_stored(shop: ApiClient) -> None:
    browser, _, path = await a_return(shop)
    cases = [*list(HOSTILE.values())[:2], b""]
    for content in cases:
        answer = await upload(browser, path, picture(), content) if content else await upload(browser, path)
        assert answer.status_code == 422 and 'id="f-photographs-error"' in answer.text
    for size, status in ((10_000_000, 422), (46_000_000, 413)):
        large = await upload(browser, path, b"x" * size)
        assert large.status_code == status and 'id="f-photographs-error"' in large.text
    assert await listed(shop, path) == []


async def test_ten_to_a_return_also_at_the_same_time(shop: ApiClient) -> None:
    browser, _, path = await a_return(shop)
    small = picture(size=(2, 2))
    answers = await asyncio.gather(*(upload(browser, path, *[small] * 6) for _ in range(2)))
    assert sorted(answer.status_code for answer in answers) == [303, 422]
    assert (await upload(browser, path, *[small] * 11)).status_code == 422
    assert (await upload(browser, path, *[small] * 4)).status_code == 303
    assert len(await listed(shop, path)) == 10 and "Add photos" not in (await browser.get(path)).text
    assert (await upload(browser, path, small)).status_code == 422


async def test_an_erased_customers_photographs_cannot_be_seen(shop: ApiClient) -> None:
    browser, order_no, path = await a_return(shop)
    await upload(browser, path, picture())
    [one] = await listed(shop, path)
    erase = (
        "UPDATE customers SET data_key = NULL WHERE customer_id = (SELECT customer_id FROM orders WHERE order_no = %s)"
    )
    await shop.sql(erase, order_no)
    answer = await shop.as_("support").get(f"/v1/returns/{path.rpartition('/')[2]}/photographs/{one['file_id']}")
    assert (answer.status_code, answer.json()["code"]) == (404, "picture_not_found")
