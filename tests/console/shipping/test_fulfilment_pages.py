"""The warehouse on a telephone, without a script: each form works alone, and what is wrong is said in words."""

import html
import re
from typing import Any

import httpx
import pypdfium2
import pytest

from domain.access import Role
from tests.api.conftest import ApiClient, unique
from tests.console.conftest import StaffBrowser, sign_in
from tests.factories.barcodes import photograph
from tests.factories.picking import Booked, booked, carrier_scans, done, lines
from tests.factories.suppliers import asked

HOME = "/console/fulfilment"


async def scan(browser: StaffBrowser, code: str, *ids: str, key: str | None = None, **headers: str) -> httpx.Response:
    fields = {"ids": " ".join(ids), "code": code, "key": key or unique("scan-")}
    from api.console.session import csrf_of

    data = {"csrf": csrf_of(browser.cookie), **fields}
    return await browser.http.post(f"{HOME}/scan", data=data, headers=headers)


async def picked(shop: ApiClient, *of: Booked) -> list[int]:
    wanted = [one.order_no for one in of]
    rows = await shop.sql(
        "SELECT order_no, sum(picked)::int AS n FROM fulfilment_lines WHERE order_no = ANY(%s) GROUP BY 1", wanted
    )
    found = {row["order_no"]: row["n"] for row in rows}
    return [found[number] for number in wanted]


async def said(answer: httpx.Response) -> tuple[str, str]:
    body = answer.json()
    return body["kind"], body["title"]


@pytest.mark.parametrize("role", list(Role))
async def test_the_warehouse_and_operations_see_it(shop: ApiClient, role: Role) -> None:
    if role in (Role.CUSTOMER, Role.CHANNEL):
        return
    browser = await sign_in(shop, role)
    allowed = role in (Role.WAREHOUSE, Role.OPERATIONS, Role.ADMIN)
    for path in (HOME, f"{HOME}/manifests/M1"):
        assert (await browser.get(path)).status_code == (200 if allowed else 403)
    assert (f'href="{HOME}"' in (await browser.get("/console/orders")).text) == allowed


async def test_a_wave_is_picked_piece_by_piece_in_order_of_its_parcels(shop: ApiClient) -> None:
    first = await booked(shop, 1)
    second, other = await booked(shop, 2, first.sku), await booked(shop, 1)
    amy = await sign_in(shop, "warehouse")
    wave = (await amy.get(f"{HOME}/pick?id={first.id}&id={second.id}")).text
    assert first.sku in wave and ">3</strong>" in wave and other.sku not in wave
    for n, expected in enumerate(([1, 0], [1, 1], [1, 2])):
        answer = await scan(amy, first.sku, first.id, second.id)
        assert answer.status_code == 200 and await picked(shop, first, second) == expected, n
    full = await scan(amy, first.sku, first.id, second.id)
    assert full.status_code == 422 or full.status_code == 409
    assert "All of it is picked already" in full.text and await picked(shop, first, second) == [1, 2]
    assert "Everything is picked" in (await amy.get(f"{HOME}/pick?id={first.id}&id={second.id}")).text


async def test_a_wrong_piece_a_wrong_parcel_and_one_that_has_left_are_caught(shop: ApiClient) -> None:
    one, other, gone = await booked(shop, 1), await booked(shop, 1), await booked(shop, 1)
    await carrier_scans(shop, gone)
    amy = await sign_in(shop, "warehouse")
    for code, title in (
        (other.sku, "Wrong piece"), ("4006381333931", "Wrong piece"), (other.label, "Wrong parcel"),
        (other.id, "Wrong parcel"), (gone.label, "The parcel has already left"), ("", "Wrong piece"),
    ):  # fmt: skip
        answer = await scan(amy, code, one.id, **{"X-Scan": "1"})
        kind, words = await said(answer)
        assert answer.status_code in (409, 422) and kind == "danger" and words.startswith(title), (code, answer.text)
    assert await picked(shop, one, other) == [0, 0]
    await shop.sql("UPDATE orders SET cancelling = 'asked' WHERE order_no = %s", one.order_no)
    kind, words = await said(await scan(amy, one.sku, one.id, **{"X-Scan": "1"}))
    assert kind == "danger" and "being cancelled" in words


async def test_a_scan_that_is_sent_again_counts_once(shop: ApiClient) -> None:
    one = await booked(shop, 3)
    amy, key = await sign_in(shop, "warehouse"), unique("scan-")
    assert await said(await scan(amy, one.sku, one.id, key=key, **{"X-Scan": "1"})) == ("success", "Right")
    assert await said(await scan(amy, one.sku, one.id, key=key, **{"X-Scan": "1"})) == ("success", "Counted before")
    assert await picked(shop, one) == [1]
    (row,) = await shop.sql("SELECT picked_by FROM picks WHERE order_no = %s", one.order_no)
    assert row["picked_by"] == f"warehouse:{amy.name}"


async def test_a_parcel_is_packed_and_handed_over_with_others_by_manifest(shop: ApiClient) -> None:
    one, unpacked = await booked(shop, 1), await booked(shop, 1)
    amy, page = await sign_in(shop, "warehouse"), f"{HOME}/parcels/{one.id}"
    await done(shop, "pick", one.id, lines(1))
    bad = await amy.post(f"{page}/pack", weight_g="heavy", box="B1")
    assert bad.status_code == 422 and 'value="heavy"' in bad.text and 'value="B1"' in bad.text
    assert (await amy.post(f"{page}/pack", weight_g="950", box="B1")).status_code == 303
    manifest = (await amy.get(f"{HOME}/manifests/new")).headers["location"]

    async def label(code: str, key: str = "") -> tuple[str, str]:
        from api.console.session import csrf_of

        data = {"csrf": csrf_of(amy.cookie), "code": code, "key": key or unique("scan-")}
        return await said(await amy.http.post(f"{manifest}/scan", data=data, headers={"X-Scan": "1"}))

    key = unique("scan-")
    assert (await label("NOBODY"))[0] == "danger"
    assert (await label(unpacked.label))[0] == "danger"
    assert await label(one.label, key) == ("success", "Handed over")
    assert await label(one.label, key) == ("success", "Handed over")
    assert await label(one.label) == ("warning", "The parcel has already left")
    assert one.id in (await amy.get(manifest)).text and "shipped" in (await amy.get(page)).text
    papers = await amy.get(f"{manifest}/manifest.pdf")
    assert papers.status_code == 200 and papers.content.startswith(b"%PDF")


async def test_what_was_picked_of_a_cancelled_order_is_put_back(shop: ApiClient) -> None:
    one = await booked(shop, 2)
    await done(shop, "pick", one.id, lines(2))
    await shop.sql("UPDATE fulfilments SET status = 'cancelled' WHERE order_no = %s", one.order_no)
    amy = await sign_in(shop, "warehouse")
    assert one.id in (await amy.get(HOME)).text
    assert "2 picked units go back" in (await amy.get(f"{HOME}/parcels/{one.id}")).text
    assert (await amy.post(f"{HOME}/parcels/{one.id}/put-back")).status_code == 303
    assert await picked(shop, one) == [0] and one.id not in (await amy.get(HOME)).text


async def test_a_shortage_is_reported_with_one_button(shop: ApiClient) -> None:
    one = await booked(shop, 2)
    amy, page = await sign_in(shop, "warehouse", "zh"), f"{HOME}/parcels/{one.id}"
    await scan(amy, one.sku, one.id)
    assert "缺少 1 件" in html.unescape((await amy.get(page)).text)
    assert (await amy.post(f"{page}/short", line_no="1", picked="1")).status_code == 303
    (case,) = await shop.sql("SELECT kind FROM stock_cases WHERE %s = ANY(orders)", one.order_no)
    assert case["kind"] == "short_pick"


def english(page: str) -> list[str]:
    bare: Any = re.sub(r"<(script|style|code)\b.*?</\1>|<[^>]*>", " ", page, flags=re.DOTALL)
    return re.findall(r"\b(?:Scan|Pick|Pack|Parcel|Take|Status|Hand)\w*", bare)


async def test_chinese_pages_are_chinese(shop: ApiClient) -> None:
    one = await booked(shop, 1)
    amy = await sign_in(shop, "warehouse", "zh")
    for path in (HOME, f"{HOME}/pick?id={one.id}", f"{HOME}/parcels/{one.id}", f"{HOME}/manifests/M1"):
        assert english((await amy.get(path)).text) == [], path


async def test_the_packing_slip_of_a_fulfilment_has_its_code_and_no_price(shop: ApiClient) -> None:
    one = await booked(shop, 2)
    amy = await sign_in(shop, "warehouse")
    slip = await amy.get(f"{HOME}/packing-slips.pdf?id={one.id}")
    (sheet,) = pypdfium2.PdfDocument(slip.content)
    text = sheet.get_textpage().get_text_bounded()
    assert one.id in text and one.label in text and "0.00" not in text
    await shop.sql("UPDATE fulfilments SET status = 'cancelled' WHERE fulfilment_id = %s", one.id)
    assert (await amy.get(f"{HOME}/packing-slips.pdf?id={one.id}")).status_code == 404


async def photographed(browser: StaffBrowser, to: str, *texts: str, **fields: str) -> httpx.Response:
    from api.console.session import csrf_of

    files = {"photograph": ("code.jpg", photograph(*texts), "image/jpeg")}
    return await browser.http.post(f"{HOME}/{to}", data={"csrf": csrf_of(browser.cookie), **fields}, files=files)


async def test_a_photograph_is_a_scan_of_the_code_on_it(shop: ApiClient) -> None:
    one = await booked(shop, 2)
    amy = await sign_in(shop, "warehouse")
    assert (await photographed(amy, "barcode", one.sku)).json() == {"code": one.sku}
    assert await picked(shop, one) == [0], "reading counts nothing"
    key = unique("scan-")
    for _ in range(2):
        page = await photographed(amy, "scan", one.sku, ids=one.id, key=key, code="")
        assert page.status_code == 200 and await picked(shop, one) == [1]


async def test_a_photograph_without_one_readable_code_is_refused(shop: ApiClient) -> None:
    one = await booked(shop, 1)
    amy = await sign_in(shop, "warehouse")
    for texts, title in (((), "No barcode can be read"), ((one.sku, "OTHER"), "Several barcodes")):
        answer = await photographed(amy, "barcode", *texts)
        assert answer.status_code == 422 and answer.json()["title"].startswith(title)
        page = await photographed(amy, "scan", *texts, ids=one.id, key=unique("scan-"))
        assert page.status_code == 422 and title in page.text and await picked(shop, one) == [0]
    assert (await (await sign_in(shop, "finance")).http.post(f"{HOME}/barcode")).status_code == 403


@pytest.mark.parametrize("lang", ["en", "zh"])
async def test_a_person_reports_what_a_supplier_answers(shop: ApiClient, lang: str) -> None:
    one, code = await asked(shop)
    wu = await sign_in(shop, "warehouse", lang)
    path = f"{HOME}/parcels/{one.id}"
    page = (await wu.get(path)).text
    assert code in page and f'action="{path}/supplier-ship"' in page and f'action="{path}/pack"' not in page
    assert f"packing-slips.pdf?id={one.id}" in page
    offered = re.search(rf'<input[^>]*value="{one.id}"[^>]*>', (await wu.get(f"{HOME}?warehouse={code}")).text)
    assert offered is not None and " disabled" in offered[0]
    wave = await wu.http.get(f"{HOME}/pick?id={one.id}")
    assert wave.status_code == 409
    own = await booked(shop, 1)
    both = await wu.http.get(f"{HOME}/pick?id={one.id}&id={own.id}")
    assert both.status_code == 200 and one.id not in both.text and own.id in both.text
    assert '/label"' not in page
    for fields in ({"carrier": "sf", "tracking_no": "\x07"}, {"carrier": "x" * 33, "tracking_no": "SF1"}):
        bad = await wu.post(f"{path}/supplier-ship", **fields)
        assert bad.status_code == 422 and bad.text.count("invalid-feedback") == 1, fields
    missing = await wu.post(f"{path}/supplier-ship", carrier="sf", tracking_no="")
    assert missing.status_code == 422 and 'id="f-tracking_no-error"' in missing.text and 'value="sf"' in missing.text
    slip = await wu.get(f"{HOME}/packing-slips.pdf?id={one.id}")
    assert slip.status_code == 200 and slip.content.startswith(b"%PDF")
    assert (await wu.post(f"{path}/supplier-ship", carrier="sf", tracking_no="SF1")).status_code == 303
    assert "SF1" in (await wu.get(path)).text
    other, _ = await asked(shop)
    refused = await wu.post(f"{HOME}/parcels/{other.id}/supplier-refuse", reason="out_of_stock")
    assert refused.status_code == 303, refused.text
