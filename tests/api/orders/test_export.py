"""The list of orders as CSV and XLSX."""

import csv
import io
import zipfile

import pytest

from api.presenters import order_files
from api.services.orders import order_export
from tests.api.conftest import ApiClient, an_order, unique


async def place(shop: ApiClient, channel: str, **changed: object) -> str:
    response = await shop.post("/v1/orders", an_order(channel=channel, **changed))
    return str(response.json()["order_no"])


def rows_of(content: bytes) -> list[dict[str, str]]:
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))


async def test_a_file_holds_every_order_that_is_listed(shop: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_export, "PAGE", 2)
    channel = unique("out")
    numbers = [await place(shop, channel) for _ in range(5)]
    answer = await shop.as_("support").get("/v1/orders/export", channel=channel)
    assert answer.headers["content-disposition"].startswith('attachment; filename="orders-')
    rows = rows_of(answer.content)
    assert [row["order_no"] for row in rows] == numbers[::-1]
    assert {name: rows[0][name] for name in ("customer_name", "email", "items", "total", "payment_status")} == {
        "customer_name": "Li Lei", "email": "li@example.com", "items": "Green tea", "total": "85.0",
        "payment_status": "pending",
    }  # fmt: skip


@pytest.mark.parametrize("role", ["finance", "operations"])
async def test_a_file_names_nobody_to_who_may_not_read_personal_data(shop: ApiClient, role: str) -> None:
    channel = unique("out")
    await place(shop, channel)
    answer = await shop.as_(role).get("/v1/orders/export", channel=channel)
    assert not {*order_files.PERSONAL} & rows_of(answer.content)[0].keys()
    assert "Li Lei" not in answer.text and "li@example.com" not in answer.text


async def test_a_filter_that_makes_no_sense_is_refused_before_the_file_begins(shop: ApiClient) -> None:
    for kind in ("csv", "xlsx"):
        answer = await shop.as_("support").get("/v1/orders/export", tag="a,b", format=kind)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_tag")


async def test_customers_and_channels_export_nothing(shop: ApiClient) -> None:
    for role in ("customer", "channel"):
        assert (await shop.as_(role).get("/v1/orders/export")).status_code == 403


async def test_no_cell_of_a_file_is_a_formula(shop: ApiClient) -> None:
    channel = unique("out")
    customer = an_order()["customer"] | {"id": unique("c"), "name": '=HYPERLINK("http://x","y")'}
    await place(shop, channel, customer=customer, external_ref="@SUM(1)")
    row = rows_of((await shop.as_("support").get("/v1/orders/export", channel=channel)).content)[0]
    assert (row["customer_name"][0], row["external_ref"][0]) == ("'", "'")
    book = await shop.as_("support").get("/v1/orders/export", channel=channel, format="xlsx")
    with zipfile.ZipFile(io.BytesIO(book.content)) as parts:
        sheet = parts.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet and "HYPERLINK" in sheet and "<v>85</v>" in sheet


async def test_an_xlsx_file_of_too_many_orders_is_refused(shop: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_files, "MAX_XLSX_ROWS", 1)
    channel = unique("out")
    for _ in range(2):
        await place(shop, channel)
    answer = await shop.as_("support").get("/v1/orders/export", channel=channel, format="xlsx")
    assert (answer.status_code, answer.json()["code"]) == (422, "too_many_rows")


async def test_each_export_is_in_the_audit_log_without_what_was_searched_for(shop: ApiClient) -> None:
    amy = unique("amy")
    await shop.as_("support", amy).get("/v1/orders/export", q="li@example.com", status="paid")
    entries = await shop.sql("SELECT action, after FROM audit_log WHERE actor = %s", f"support:{amy}")
    assert [entry["action"] for entry in entries] == ["order_export_added"]
    assert "paid" in entries[0]["after"] and "li@example.com" not in entries[0]["after"]


async def test_only_a_few_spreadsheets_are_written_at_once(shop: ApiClient) -> None:
    channel = unique("busy")
    await place(shop, channel)
    recorded = await shop.sql("SELECT count(*) AS n FROM order_exports")
    with order_export.xlsx_room(), order_export.xlsx_room():
        refused = await shop.get("/v1/orders/export", channel=channel, format="xlsx")
        other = await shop.get("/v1/orders/export", channel=channel, format="csv")
    assert (refused.status_code, refused.json()["code"], refused.headers["retry-after"]) == (503, "exports_busy", "15")
    assert other.status_code == 200, "CSV is sent while it is read"
    (after,) = await shop.sql("SELECT count(*) AS n FROM order_exports")
    assert after["n"] == recorded[0]["n"] + 1, "what was refused is no export"
    assert (await shop.get("/v1/orders/export", channel=channel, format="xlsx")).status_code == 200
