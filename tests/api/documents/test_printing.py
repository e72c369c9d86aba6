"""Invoices, packing slips and labels of several orders in one file."""

import io
import zipfile

import pypdfium2
import pytest

from api.services.orders.order_printing import MAX_PRINTED
from domain.orders.order_no import new_order_no
from tests.api.conftest import ApiClient, an_order
from tests.console.conftest import sign_in
from tests.factories.sales import paid
from tests.factories.split_orders import split

PRINT = "/v1/orders/print"
NUMBER = new_order_no(1_800_000_000_000, 7)


def pages(pdf: bytes) -> list[str]:
    return [page.get_textpage().get_text_bounded() for page in pypdfium2.PdfDocument(pdf)]


async def invoiced(shop: ApiClient) -> tuple[str, str]:
    """(order number, number of its invoice)."""
    order_no = await paid(shop)
    answer = await shop.post(f"/v1/orders/{order_no}/invoice", {})
    return order_no, str(answer.json()["document_no"])


async def test_documents_of_chosen_orders_are_one_file_each_and_an_archive_together(shop: ApiClient) -> None:
    (first, one), (second, two) = [await invoiced(shop) for _ in range(2)]
    without = await paid(shop)
    chosen = {"order_no": [first, second, without]}
    invoices = await shop.as_("finance").get(PRINT, kind="invoices", lang="zh", **chosen)
    assert invoices.headers["content-type"] == "application/pdf"
    found = pages(invoices.content)
    assert len(found) == 2 and "发票" in found[0] and one in found[0] and two in found[1]
    slips = await shop.as_("warehouse").get(PRINT, kind="packing_slips", lang="en", **chosen)
    found = pages(slips.content)
    assert len(found) == 3 and all(order_no in page for order_no, page in zip(chosen["order_no"], found, strict=True))
    assert "Packing slip" in found[0] and "TEA-1" in found[0] and "85.00" not in found[0]
    together = await shop.as_("support").get(PRINT, kind="all", **chosen)
    with zipfile.ZipFile(io.BytesIO(together.content)) as archive:
        assert len(pages(archive.read("invoices.pdf"))) == 2 and len(pages(archive.read("packing-slips.pdf"))) == 3
        assert archive.read("without-invoice.txt").decode() == f"{without}\n"
        assert archive.read("without-label.txt").decode().split() == chosen["order_no"]


async def test_a_split_order_has_a_packing_slip_for_each_part(shop: ApiClient) -> None:
    order_no, single = await split(shop, "booked", "cancelled", "reserved"), await split(shop, "cancelled", "booked")
    answer = await shop.as_("warehouse").get(PRINT, kind="packing_slips", order_no=[order_no, single])
    found = pages(answer.content)
    assert [
        f"{part}-F{n}" in page
        for page, (part, n) in zip(found, [(order_no, 1), (order_no, 3), (single, 2)], strict=True)
    ] == [True] * 3
    browser = await sign_in(shop, "warehouse")
    page = (await browser.get("/console/orders/packing-slips", order_no=[order_no, single])).text
    assert [page.count(f"Part {n} of 3") for n in (1, 2, 3)] == [1, 0, 1]
    assert page.count("Part 2 of 2") == 1 and page.count("WH-SOUTH") == 1


async def test_a_planned_part_has_no_packing_slip_yet(shop: ApiClient) -> None:
    order_no = await split(shop, "booked", "planned")
    answer = await shop.as_("warehouse").get(PRINT, kind="packing_slips", order_no=order_no)
    assert [f"{order_no}-F1" in page for page in pages(answer.content)] == [True]
    page = (await (await sign_in(shop, "warehouse")).get("/console/orders/packing-slips", order_no=order_no)).text
    assert "Part 1 of 2" in page and "Part 2 of 2" not in page


async def test_the_list_of_orders_offers_what_a_role_may_print(shop: ApiClient) -> None:
    order_no, document_no = await invoiced(shop)
    support, warehouse = await sign_in(shop, "support"), await sign_in(shop, "warehouse")
    table = (await support.get("/console/orders")).text
    assert all(f'value="{name}"' in table for name in ("print_invoices", "print_slips", "labels", "print_all"))
    assert 'value="print_invoices"' not in (await warehouse.get("/console/orders")).text
    chosen = await support.get("/console/orders/bulk", action="print_invoices", order_no=order_no)
    file = await support.http.get(chosen.headers["location"])
    assert document_no in pages(file.content)[0]
    assert (await warehouse.http.get(chosen.headers["location"])).status_code == 403


@pytest.mark.parametrize(
    ("kind", "role", "orders", "expected"),
    [
        ("invoices", "support", [NUMBER], (404, "nothing_to_print")),
        ("packing_slips", "support", [NUMBER], (404, "order_not_found")),
        ("packing_slips", "support", [], (404, "nothing_to_print")),
        ("labels", "support", [NUMBER], (404, "nothing_to_print")),
        ("invoices", "warehouse", [NUMBER], (403, "forbidden")),
        ("packing_slips", "finance", [NUMBER], (403, "forbidden")),
        ("all", "warehouse", [NUMBER], (403, "forbidden")),
        ("invoices", "customer", [NUMBER], (403, "forbidden")),
        ("everything", "support", [NUMBER], (422, "validation_failed")),
    ],
)
async def test_what_cannot_be_printed_is_refused(
    shop: ApiClient, kind: str, role: str, orders: list[str], expected: tuple[int, str]
) -> None:
    answer = await shop.as_(role).get(PRINT, kind=kind, order_no=orders)
    assert (answer.status_code, answer.json()["code"]) == expected, answer.text


async def test_more_than_fit_are_refused_with_their_number(shop: ApiClient) -> None:
    orders = [str((await shop.post("/v1/orders", an_order())).json()["order_no"])] * 2
    assert (await shop.as_("support").get(PRINT, kind="packing_slips", order_no=orders)).status_code == 200
    many = [new_order_no(1_800_000_000_000, number) for number in range(MAX_PRINTED + 1)]
    answer = await shop.as_("support").get(PRINT, kind="invoices", order_no=many)
    assert (answer.status_code, answer.json()["code"]) == (422, "too_many_to_print")
    assert str(MAX_PRINTED) in answer.json()["detail"]
