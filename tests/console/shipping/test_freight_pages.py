"""Bills of carriers in the console: uploaded, compared, and their differences decided; freight at the order."""

import re

import httpx
import pytest

from api.console.session import csrf_of
from tests.api.conftest import ApiClient, unique
from tests.console.conftest import StaffBrowser, sign_in
from tests.factories.freight import parcel

UPLOAD = "/console/new/carrier-bill"


async def upload(browser: StaffBrowser, content: bytes, **fields: str) -> httpx.Response:
    form = {"csrf": csrf_of(browser.cookie), "key": unique("k"), "carrier": "sandbox", "currency": "CNY"}
    form |= {"bill_no": unique("B")} | fields
    return await browser.http.post(UPLOAD, data=form, files={"file": ("may.csv", content, "text/csv")})


@pytest.mark.parametrize("lang", ["en", "zh"])
async def test_a_bill_is_uploaded_and_its_difference_disputed_and_credited(shop: ApiClient, lang: str) -> None:
    finance, one = await sign_in(shop, "finance", lang), await parcel(shop.as_("admin"), 800)
    answer = await upload(finance, f"运单号,运费\n{one.label},9.50\n{unique('X')},1\n".encode("gb18030"))
    path = answer.headers["location"]
    shown = (await finance.get(path)).text
    assert {"en": "Another amount", "zh": "金额不一致"}[lang] in shown and "data-live" not in shown
    case = re.findall(r'href="(/console/freight-differences/\d+)">', shown)[0]
    for action in ("dispute", "credit"):
        done = await finance.post(f"{case}/decide", action=action, reason="<b>weight</b>")
        assert done.status_code == 303, done.text
    decided = (await finance.get(case)).text
    assert {"en": "Credited", "zh": "已退还"}[lang] in decided and "&lt;b&gt;weight" in decided
    freight = (await (await sign_in(shop, "warehouse", lang)).get(f"/console/orders/{one.order_no}/freight")).text
    assert "¥8.00" in freight and case in freight
    assert f"/console/orders/{one.order_no}/freight" in (await finance.get(f"/console/orders/{one.order_no}")).text


async def test_a_difference_gets_an_owner_and_stands_in_the_list(shop: ApiClient) -> None:
    finance, label = await sign_in(shop, "finance"), unique("X")
    path = (await upload(finance, f"tracking_no,amount\n{label},1\n".encode())).headers["location"]
    case = re.findall(r'href="(/console/freight-differences/\d+)">', (await finance.get(path)).text)[0]
    assert (await finance.post(f"{case}/owner", owner="bo")).status_code == 303
    assert (await finance.post(f"{case}/owner", owner="")).status_code == 422
    assert label in (await finance.get("/console/freight-differences")).text
    assert label not in (await finance.get("/console/freight-differences", state="accepted")).text
    assert (await finance.post(f"{case}/decide", action="accept", reason="")).status_code == 422
    assert (await finance.post(f"{case}/decide", action="credit", reason="no")).status_code == 409
    assert "data-ended" in (await finance.get(f"{path}/progress")).text
    assert path in (await finance.get("/console/carrier-bills")).text


@pytest.mark.parametrize(
    ("content", "fields", "at"),
    [
        (b"", {}, "file"),
        (b"tracking_no,weight\nT,1\n", {}, "file"),
        (b"\x00\x01\x02", {}, "file"),
        (b"tracking_no,amount\n", {}, "file"),
        (b"tracking_no,amount\nT,1\n", {"currency": "XXY"}, "currency"),
        (b"tracking_no,amount\nT,1\n", {"bill_no": ""}, "bill_no"),
    ],
)
async def test_what_is_wrong_stands_at_its_field(
    shop: ApiClient, content: bytes, fields: dict[str, str], at: str
) -> None:
    for lang in ("en", "zh"):
        answer = await upload(await sign_in(shop, "finance", lang), content, **fields)
        assert answer.status_code == 422 and f'id="f-{at}-error"' in answer.text, answer.text


async def test_the_same_bill_again_is_refused_at_its_number(shop: ApiClient) -> None:
    finance, number = await sign_in(shop, "finance"), unique("B")
    for status in (303, 409):
        content = f"tracking_no,amount\n{unique('T')},1\n".encode()
        answer = await upload(finance, content, bill_no=number)
        assert answer.status_code == status
    assert 'id="f-bill_no-error"' in answer.text and f'value="{number}"' in answer.text


async def test_only_finance_uploads_and_decides(shop: ApiClient) -> None:
    support = await sign_in(shop, "support")
    assert (await upload(support, b"tracking_no,amount\nT,1\n")).status_code == 403
    assert (await support.get(UPLOAD)).status_code == 403
    assert (await support.post("/console/freight-differences/1/decide", action="accept")).status_code == 403
    assert UPLOAD not in (await support.get("/console/carrier-bills")).text
