"""A product file in the console: what is wrong stands at the file or at its row, and it is applied once."""

import re

import httpx
import pytest

from api.console.session import csrf_of
from tests.api.conftest import ApiClient, unique
from tests.console.conftest import StaffBrowser, sign_in

UPLOAD = "/console/new/product-import"


async def upload(browser: StaffBrowser, content: bytes) -> httpx.Response:
    fields = {"csrf": csrf_of(browser.cookie), "key": unique("k")}
    return await browser.http.post(UPLOAD, data=fields, files={"file": ("tea.csv", content, "text/csv")})


async def test_a_file_is_previewed_and_applied(shop: ApiClient) -> None:
    operations, sku = await sign_in(shop, "operations"), unique("FILE")
    file = f"sku,name,price,currency,colour,active\n{sku},<b>Tea</b>,2.50,EUR,green,\n{sku}-2,Tea,free,EUR,,perhaps\n"
    answer = await upload(operations, file.encode())
    path = answer.headers["location"]
    page = (await operations.get(path)).text
    assert "&lt;b&gt;Tea&lt;/b&gt;" in page and "An amount like 12.50" in page and "colour" in page
    assert "yes or no" in page and "bool_type" not in page
    assert "Creates 1, changes 0. Refused rows (1) are left out." in page
    assert sku not in (await operations.get(path, outcome="refused")).text.replace(f"{sku}-2", "")
    for _ in range(2):  # pressed twice
        assert (await operations.post(f"{path}/apply")).headers["location"] == path
    done = (await operations.get(path)).text
    assert "Created 1, changed 0, failed 0." in done and f'href="/console/products/{sku}"' in done
    assert (await operations.get(f"/console/products/{sku}")).status_code == 200
    outcome = await operations.http.get(f"{path}/rows.csv")
    assert re.search(rf"^2,{sku},created,", outcome.text, re.MULTILINE)
    assert "data-ended" in (await operations.get(f"{path}/progress")).text


@pytest.mark.parametrize(
    "content", [b"", b"name,price\nTea,1\n", b"\x00\x01\x02", b"sku\n", b"sku\n" + b"A\n" * 30_000]
)
async def test_a_bad_file_is_refused_at_its_field(shop: ApiClient, content: bytes) -> None:
    for lang in ("en", "zh"):
        answer = await upload(await sign_in(shop, "operations", lang), content)
        assert answer.status_code == 422 and 'id="f-file-error"' in answer.text, answer.text


async def test_a_file_above_the_limit_is_refused_at_its_field(shop: ApiClient) -> None:
    answer = await upload(await sign_in(shop, "operations"), b"sku\n" + b"x" * 10_000_000)
    assert answer.status_code == 413 and 'id="f-file-error"' in answer.text


async def test_only_operations_import(shop: ApiClient) -> None:
    support = await sign_in(shop, "support")
    assert (await upload(support, b"sku\nA\n")).status_code == 403
    for path in (UPLOAD, "/console/product-imports/imp_1", "/console/product-imports/imp_1/rows.csv"):
        assert (await support.get(path)).status_code == 403
    assert UPLOAD not in (await support.get("/console/products")).text
