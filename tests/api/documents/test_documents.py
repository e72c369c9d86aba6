"""Invoices and credit notes over HTTP; the database is real, no Temporal is needed for them."""

import asyncio
import re
from collections.abc import Sequence
from typing import Any

import httpx
import psycopg
import pypdfium2
import pytest

from infra.db.checks.consistency_checks import CHECKS, run_checks
from infra.pdf import rendering
from tests.api.conftest import ApiClient, an_order, open_api, unique
from tests.conftest import DatabaseUrls
from tests.factories import order_changes
from tests.factories.sales import cancelled, paid, paid_back, placed, refunded


async def invoiced(shop: ApiClient, order_no: str, **body: Any) -> dict[str, Any]:
    answer = await shop.post(f"/v1/orders/{order_no}/invoice", body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def text_of(pdf: httpx.Response) -> str:
    assert pdf.status_code == 200, pdf.text
    document = pypdfium2.PdfDocument(pdf.content)
    return "\n".join(page.get_textpage().get_text_bounded() for page in document).replace("\r", "")


async def test_an_invoice_is_issued_once_and_shown(shop: ApiClient) -> None:
    order_no = await paid(shop)
    key = unique("key")
    first = await shop.post(f"/v1/orders/{order_no}/invoice", {}, key=key)
    issued = first.json()
    assert first.status_code == 201 and re.fullmatch(r"INV-20\d\d-\d{6}", issued["document_no"])
    assert (issued["kind"], issued["total_minor"], issued["currency"]) == ("invoice", 8500, "CNY")
    replay = await shop.post(f"/v1/orders/{order_no}/invoice", {}, key=key)
    assert (replay.json(), replay.headers["Idempotent-Replayed"]) == (issued, "true")
    again = await shop.as_("customer", "c-17").post(f"/v1/orders/{order_no}/invoice", {"title": "Other Ltd"})
    assert (again.status_code, again.json()) == (201, issued)
    listed = (await shop.get(f"/v1/orders/{order_no}/documents")).json()
    assert listed == {"items": [issued], "next_cursor": None}
    whole = (await shop.as_("customer", "c-17").get(f"/v1/documents/{issued['document_no'].lower()}")).json()
    assert whole["billed_to"] == {"title": "Li Lei", "address": "上海市 浦东新区 Made-up Road 1 200000"}
    assert whole["seller"] == {"name": "示例商店", "tax_number": "91310000MA1K35X12A"}
    assert [line["total_minor"] for line in whole["lines"]] == [8500]
    events = (await shop.get(f"/v1/orders/{order_no}/events")).json()["items"]
    assert events[-1]["data"] == {"document_no": issued["document_no"], "total_minor": 8500}
    audited = await shop.sql("SELECT actor, action FROM audit_log WHERE order_no = %s ORDER BY entry_id", order_no)
    assert audited[-1] == {"actor": "support:amy", "action": "invoice_issued"}


async def test_a_company_is_billed_under_its_title(shop: ApiClient) -> None:
    issued = await invoiced(shop, await paid(shop), title=" 上海示例科技有限公司 ", tax_number="91310115ma1h7x2k3b")
    whole = (await shop.get(f"/v1/documents/{issued['document_no']}")).json()
    assert whole["billed_to"] == {"title": "上海示例科技有限公司", "tax_number": "91310115MA1H7X2K3B"}
    rows = await shop.sql("SELECT content::text AS c FROM documents WHERE document_no = %s", issued["document_no"])
    assert "有限公司" not in rows[0]["c"]


async def test_nothing_is_invoiced_before_money_came_or_after_it_went(shop: ApiClient) -> None:
    order_no = await placed(shop)
    early = await shop.post(f"/v1/orders/{order_no}/invoice")
    assert (early.status_code, early.json()["code"]) == (409, "not_invoiceable") and "pay" in early.json()["detail"]
    gone = await paid(shop)
    await refunded(shop, gone, 8500)
    late = await shop.post(f"/v1/orders/{gone}/invoice")
    assert (late.status_code, late.json()["code"]) == (409, "not_invoiceable")
    assert not await shop.sql("SELECT 1 FROM documents WHERE order_no = ANY(%s)", [order_no, gone])


async def test_without_a_seller_there_is_no_invoice(shop: ApiClient, database_url: DatabaseUrls) -> None:
    order_no = await paid(shop)
    async with open_api(database_url, seller_name="") as nameless:
        refused = await nameless.as_("support").post(f"/v1/orders/{order_no}/invoice")
    assert (refused.status_code, refused.json()["code"]) == (409, "seller_unknown")


BAD: Sequence[tuple[dict[str, Any], str]] = (
    ({"title": ""}, "validation_failed"),
    ({"title": "   "}, "validation_failed"),
    ({"title": "x" * 101}, "validation_failed"),
    ({"title": "a\nb"}, "invalid_text"),
    ({"title": 5}, "validation_failed"),
    ({"tax_number": "91310115MA1H7X2K3B"}, "validation_failed"),
    ({"title": "x", "tax_number": "九"}, "validation_failed"),
    ({"title": "x", "tax_number": "1" * 31}, "validation_failed"),
    ({"address": "x" * 201}, "validation_failed"),
    ({"total_minor": 1}, "unknown_field"),
    ({"number": 7}, "unknown_field"),
)


@pytest.mark.parametrize(("body", "code"), BAD)
async def test_bad_requests_are_refused_and_leave_nothing(shop: ApiClient, body: dict[str, Any], code: str) -> None:
    order_no = await paid(shop)
    answer = await shop.post(f"/v1/orders/{order_no}/invoice", body)
    assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
    assert not await shop.sql("SELECT 1 FROM documents WHERE order_no = %s", order_no)


async def test_a_refund_has_its_credit_note_after_the_invoice(shop: ApiClient) -> None:
    order_no = await paid(shop)
    refund_id = await refunded(shop, order_no, lines=[{"sku": "TEA-1", "quantity": 1}])
    path = f"/v1/refunds/{refund_id}/credit-note"
    early = await shop.post(path)
    assert (early.status_code, early.json()["code"]) == (409, "invoice_missing")
    invoice = await invoiced(shop, order_no)
    first, again = await shop.post(path), await shop.as_("customer", "c-17").post(path)
    assert first.status_code == 201 and first.json() == again.json()
    note = (await shop.get(f"/v1/documents/{first.json()['document_no']}")).json()
    assert (note["kind"], note["corrects"], note["total_minor"]) == ("credit_note", invoice["document_no"], 4250)
    assert [(line["quantity"], line["total_minor"]) for line in note["lines"]] == [(1, 4250)]
    assert note["billed_to"]["title"] == "Li Lei"
    waiting = await refunded(shop, order_no, 100, succeeded=False)
    refused = await shop.post(f"/v1/refunds/{waiting}/credit-note")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_creditable")
    stranger = await shop.as_("customer", "c-other").post(path)
    assert (stranger.status_code, stranger.json()["code"]) == (404, "refund_not_found")


@pytest.mark.parametrize("included", [True, False])
async def test_discount_shipping_and_tax_are_shared_out_and_credited_to_the_cent(
    database_url: DatabaseUrls, shop: ApiClient, included: bool
) -> None:
    async with open_api(database_url, tax_rate_bp=1300, tax_included=included) as opened:
        lines = [{"sku": "TEA-1", "quantity": 3, "unit_price_minor": 333}, {"sku": "TEA-2", "quantity": 1}]
        order_no = await paid(opened.as_("channel", "web"), lines=lines, discount_minor=100, shipping_minor=50)
    invoice = await whole(shop, (await invoiced(shop, order_no))["document_no"])
    added = 0 if included else invoice["tax_minor"]
    assert invoice["tax_minor"] == (218 if included else 247)
    assert (invoice["items_minor"], invoice["discount_minor"], invoice["shipping_minor"]) == (1999, 100, 50)
    assert invoice["total_minor"] == 1999 - 100 + 50 + added and invoice["tax_added_minor"] == added
    notes = []
    for units in (1, 1, 1):
        body = [{"sku": "TEA-1", "quantity": units}]
        notes.append(await credit_note(shop, await refunded(shop, order_no, lines=body, include_shipping=True)))
    notes.append(await credit_note(shop, await refunded(shop, order_no, lines=[{"sku": "TEA-2", "quantity": 1}])))
    last = await credit_note(shop, await refunded(shop, order_no, invoice["shipping_minor"] - 25))
    assert last["lines"] == [] and last["shipping_minor"] == 25, "nothing but the rest of the shipping charge"
    for note in (invoice, *notes, last):
        parts = note["items_minor"] - note["discount_minor"] + note["tax_added_minor"] + note["shipping_minor"]
        assert parts == note["total_minor"]
        assert note["tax_added_minor"] == (0 if included else note["tax_minor"])
    for name in ("items_minor", "discount_minor", "total_minor", "tax_minor", "tax_added_minor", "shipping_minor"):
        assert sum(note[name] for note in [*notes, last]) == invoice[name], name
    text = text_of(await shop.get(f"/v1/documents/{last['document_no']}.pdf", lang="en"))
    assert "Shipping" in text and "0.25" in text
    assert await wrong_with_documents(shop) == []


async def wrong_with_documents(shop: ApiClient) -> list[Any]:
    """What `oms ledger check` finds of documents."""
    async with shop.app.state.services.database.begin() as conn:
        checks = [question for question in CHECKS if question.code in ("documents", "credit_notes")]
        return [wrong for question in checks for wrong in (await run_checks(conn, question)).examples]


@pytest.mark.parametrize("included", [True, False])
async def test_a_credit_note_adds_up_on_paper_too(database_url: DatabaseUrls, shop: ApiClient, included: bool) -> None:
    """Two of four pieces at 10.00 with a discount of 4.00 and 5.00 for sending, then money without pieces."""
    async with open_api(database_url, tax_rate_bp=1000, tax_included=included) as opened:
        lines = [{"sku": "TEA-2", "quantity": 4}]
        order_no = await paid(opened.as_("channel", "web"), lines=lines, discount_minor=400, shipping_minor=500)
    await invoiced(shop, order_no)
    back = await refunded(shop, order_no, lines=[{"sku": "TEA-2", "quantity": 2}], include_shipping=True)
    note = await credit_note(shop, back)
    text = text_of(await shop.get(f"/v1/documents/{note['document_no']}.pdf", lang="en"))
    tax, total = ("1.64", "20.50") if included else ("1.80", "22.30")
    for row in ("Items 20.00", "Discount -2.00", "Shipping 2.50", f"Total credited ¥{total}"):
        assert row in text, (row, text)
    assert (f"Tax included {tax}" if included else f"Tax {tax}") in text, text
    later = await credit_note(shop, await refunded(shop, order_no, 300))
    assert (later["items_minor"], later["discount_minor"]) == (0, later["tax_added_minor"] - 300)
    text = text_of(await shop.get(f"/v1/documents/{later['document_no']}.pdf", lang="en"))
    assert "Later discount" in text and "¥3.00" in text
    assert await wrong_with_documents(shop) == []


@pytest.mark.parametrize("change", ["discount_minor", "tax_added_minor", "shipping_minor", "items_minor"])
async def test_the_ledger_check_finds_a_document_that_does_not_add_up(shop: ApiClient, change: str) -> None:
    number = (await invoiced(shop, await paid(shop)))["document_no"]
    put = "UPDATE documents SET content = jsonb_set(content, ARRAY[%s], '7') WHERE document_no = %s"
    await unguarded(shop, put, change, number)
    assert [wrong.place for wrong in await wrong_with_documents(shop)] == [number]
    await unguarded(shop, put.replace("'7'", "'8500'" if change == "items_minor" else "'0'"), change, number)


async def test_the_ledger_check_finds_a_credit_note_over_money_that_was_kept(shop: ApiClient) -> None:
    order_no = await paid(shop)
    number = (await invoiced(shop, order_no))["document_no"]
    await credit_note(shop, await refunded(shop, order_no, 100))
    put = "UPDATE payments SET amount_minor = amount_minor + %s WHERE order_no = %s AND kind = 'refund'"
    await unguarded(shop, put, 5, order_no)
    assert [(wrong.place, wrong.expected, wrong.found) for wrong in await wrong_with_documents(shop)] == [
        (number, "8500", "8400")  # what went back is not what was decided: it is nobody's
    ]
    await unguarded(shop, put, -5, order_no)


async def unguarded(shop: ApiClient, statement: str, *values: Any) -> None:
    """What only somebody beside the product could do."""
    async with await psycopg.AsyncConnection.connect(shop.owner_url) as connection:
        await connection.execute("SET session_replication_role = replica")
        await connection.execute(statement, values)


async def test_a_paid_order_made_smaller_is_invoiced_as_it_was_sold_and_credited(shop: ApiClient) -> None:
    sku = await order_changes.stocked(shop, price_minor=4250)
    order_no = await order_changes.placed(shop, sku, quantity=2)
    await order_changes.reserved(shop, order_no)
    await order_changes.paid(shop, order_no)
    changed = await order_changes.change(shop, order_no, order_changes.lines(**{sku: 1}))
    assert changed.status_code == 200, changed.text
    assert (await invoiced(shop, order_no))["total_minor"] == 8500
    (row,) = await shop.sql("SELECT refund_id FROM refunds WHERE order_no = %s", order_no)
    await paid_back(shop, row["refund_id"])
    note = await credit_note(shop, row["refund_id"])
    assert [(line["quantity"], line["total_minor"]) for line in note["lines"]] == [(1, 4250)]


async def whole(shop: ApiClient, document_no: str) -> dict[str, Any]:
    return dict((await shop.get(f"/v1/documents/{document_no}")).json())


async def credit_note(shop: ApiClient, refund_id: str) -> dict[str, Any]:
    answer = await shop.post(f"/v1/refunds/{refund_id}/credit-note")
    assert answer.status_code == 201, answer.text
    return await whole(shop, answer.json()["document_no"])


async def test_a_cancelled_orders_invoice_is_credited_to_its_end(shop: ApiClient) -> None:
    order_no = await paid(shop)
    await invoiced(shop, order_no)
    refund_id = await refunded(shop, order_no, 1000)
    assert (await shop.post(f"/v1/refunds/{refund_id}/credit-note")).status_code == 201
    path = f"/v1/orders/{order_no}/credit-note"
    assert (await shop.post(path)).json()["code"] == "not_creditable"
    await cancelled(shop, order_no, 7500)
    rest = await shop.post(path)
    assert (rest.status_code, rest.json()["total_minor"], rest.json()["refund_id"]) == (201, 7500, None)
    assert (await shop.post(path)).json() == rest.json()


async def test_another_customers_documents_are_not_there(shop: ApiClient) -> None:
    order_no = await paid(shop)
    document_no = (await invoiced(shop, order_no))["document_no"]
    stranger = shop.as_("customer", "c-other")
    for path in (f"/v1/documents/{document_no}", f"/v1/documents/{document_no}.pdf"):
        for number in (document_no, "INV-2026-999999", "nonsense", "INV-2026-1"):
            answer = await stranger.get(path.replace(document_no, number))
            assert (answer.status_code, answer.json()["code"]) == (404, "document_not_found"), path
    assert (await stranger.get(f"/v1/orders/{order_no}/documents")).status_code == 404
    assert (await shop.as_("warehouse").get(f"/v1/documents/{document_no}")).status_code == 403
    assert (await shop.as_("channel", "other").get(f"/v1/documents/{document_no}")).status_code == 404
    assert (await shop.as_("channel", "web").get(f"/v1/documents/{document_no}")).status_code == 200


async def test_the_same_order_asked_twice_at_once_has_one_invoice(shop: ApiClient) -> None:
    order_no = await paid(shop)
    answers = await asyncio.gather(*(invoiced(shop, order_no) for _ in range(8)))
    assert len({answer["document_no"] for answer in answers}) == 1
    assert len(await shop.sql("SELECT 1 FROM documents WHERE order_no = %s", order_no)) == 1


async def test_numbers_have_no_gap_however_many_ask_at_once(shop: ApiClient) -> None:
    orders = [await paid(shop) for _ in range(20)]
    unpaid = [await placed(shop) for _ in range(5)]
    answers = await asyncio.gather(*(shop.post(f"/v1/orders/{no}/invoice") for no in [*orders, *unpaid]))
    assert sorted(answer.status_code for answer in answers) == [201] * 20 + [409] * 5
    rows = await shop.sql(
        "SELECT year, array_agg(number ORDER BY number) AS n, array_agg(number ORDER BY issued_at) AS t,"
        " (SELECT last_number FROM document_series s WHERE s.series = 'INV' AND s.year = d.year) AS last"
        " FROM documents d WHERE kind = 'invoice' GROUP BY year"
    )
    for row in rows:
        assert row["n"] == row["t"] == list(range(1, row["last"] + 1))


@pytest.mark.parametrize(("lang", "words"), [("zh", ("发票", "购买方")), ("en", ("Invoice", "Billed to"))])
async def test_the_pdf_says_it_in_the_readers_language(shop: ApiClient, lang: str, words: tuple[str, ...]) -> None:
    customer = {"id": "c-17", "name": "欧阳𠮷娜", "email": None, "phone": None}
    ship_to = an_order()["ship_to"] | {"name": "欧阳𠮷娜", "line1": "张江高科技园区博云路 2 号"}
    order_no = await paid(shop, customer=customer, ship_to=ship_to)
    document_no = (await invoiced(shop, order_no))["document_no"]
    path = f"/v1/documents/{document_no}.pdf"
    pdf = await shop.as_("customer", "c-17").get(path, lang=lang)
    text = text_of(pdf)
    for expected in (*words, document_no, order_no, "欧阳𠮷娜", "浦东新区", "博云路 2 号", "示例商店", "85.00"):
        assert expected in text, (expected, text)
    assert pdf.headers["content-type"] == "application/pdf"
    assert pdf.headers["cache-control"] == "private, no-store"
    assert pdf.headers["content-disposition"] == f'attachment; filename="{document_no}-{lang}.pdf"'
    by_header = await shop.http.get(path, headers=shop.headers | {"Accept-Language": "zh-CN" if lang == "zh" else "de"})
    assert by_header.content == pdf.content, "the same bytes every time"


async def test_a_credit_note_as_pdf_names_its_invoice(shop: ApiClient) -> None:
    order_no = await paid(shop)
    invoice = await invoiced(shop, order_no)
    refund_id = await refunded(shop, order_no, 100)
    note = (await shop.post(f"/v1/refunds/{refund_id}/credit-note")).json()
    text = text_of(await shop.get(f"/v1/documents/{note['document_no']}.pdf", lang="en"))
    for expected in ("Credit note", invoice["document_no"], refund_id, "Total credited", "¥1.00"):
        assert expected in text, text


async def test_of_an_erased_customer_nothing_personal_is_left(shop: ApiClient) -> None:
    customer = an_order()["customer"] | {"id": unique("c-gone")}
    order_no = await paid(shop, customer=customer)
    document_no = (await invoiced(shop, order_no))["document_no"]
    await shop.sql("UPDATE customers SET data_key = NULL, profile_enc = NULL WHERE customer_id = %s", customer["id"])
    assert (await shop.get(f"/v1/documents/{document_no}")).json()["billed_to"] is None
    text = text_of(await shop.get(f"/v1/documents/{document_no}.pdf", lang="en"))
    assert "Li Lei" not in text and "erased" in text


@pytest.mark.parametrize("query", [{"lang": "fr"}, {"lang": ""}])
async def test_a_language_that_documents_do_not_speak(shop: ApiClient, query: dict[str, str]) -> None:
    document_no = (await invoiced(shop, await paid(shop)))["document_no"]
    assert (await shop.get(f"/v1/documents/{document_no}.pdf", **query)).status_code == 422


async def test_a_pdf_that_cannot_be_made_says_so_and_the_document_stays(
    shop: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    document_no = (await invoiced(shop, await paid(shop)))["document_no"]
    monkeypatch.setattr(rendering, "_TIMEOUT_S", 0.0)
    answer = await shop.get(f"/v1/documents/{document_no}.pdf")
    assert (answer.status_code, answer.json()["code"]) == (503, "pdf_unavailable") and answer.headers["retry-after"]
    monkeypatch.undo()
    assert (await shop.get(f"/v1/documents/{document_no}.pdf")).status_code == 200


async def test_the_address_of_an_invoice_is_written_as_in_its_country(shop: ApiClient) -> None:
    ohio = {**an_order()["ship_to"], "country": "US", "province": "OH", "city": "Cincinnati", "district": "-"}
    order_no = await paid(shop, ship_to=ohio | {"line1": "1 Main St", "postcode": "45202"})
    answer = await shop.as_("support").post(f"/v1/orders/{order_no}/invoice", {})
    assert answer.status_code == 201, answer.text
    document = (await shop.as_("support").get(f"/v1/documents/{answer.json()['document_no']}")).json()
    assert document["billed_to"]["address"] == "1 Main St, Cincinnati, OH 45202, US"
