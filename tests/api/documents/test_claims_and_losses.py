"""A claimed guarantee is invoiced, what a lost chargeback took is credited: documents are what was kept."""

from typing import Any

import pytest

from tests.api.after_sales.test_after_sales import arrives, on_its_way
from tests.api.conftest import ApiClient, an_order
from tests.api.documents.test_change_payment_invoices import invoices, issued, wrong
from tests.api.documents.test_documents import text_of
from tests.api.documents.test_late_documents import no_documents
from tests.factories.late_money import bounced, claimed, disputed
from tests.factories.order_changes import stocked
from tests.factories.returns import found
from tests.factories.sales import paid_back, refunded


async def delivered(shop: ApiClient, sku: str, quantity: int = 1, **more: Any) -> str:
    number = await on_its_way(shop.as_("channel", "web"), an_order(sku, quantity, **more))
    await arrives(shop, number)
    return number


async def notes(shop: ApiClient, number: str) -> list[dict[str, Any]]:
    listed = (await shop.get(f"/v1/orders/{number}/documents")).json()["items"]
    found = [one["document_no"] for one in listed if one["kind"] == "credit_note"]
    return [dict((await shop.get(f"/v1/documents/{one}")).json()) for one in found]


async def test_a_claimed_guarantee_is_invoiced_with_its_claim(shop: ApiClient) -> None:
    old, new = await stocked(shop, 1_000), await stocked(shop, 1_500)
    number = await delivered(shop, old)
    first = await issued(shop, f"/v1/orders/{number}/invoice")
    return_id = await claimed(shop, number, old, exchange_lines=[{"sku": new, "quantity": 1}])
    _, claim = await invoices(shop, number)
    assert (claim["supplement_to"], claim["return_id"], claim["total_minor"]) == (
        first["document_no"], return_id, 1_000,
    )  # fmt: skip
    # What the new goods cost beyond the old ones is on the invoice of their own order.
    assert [(one["sku"], one["quantity"], one["discount_minor"]) for one in claim["lines"]] == [(new, 1, 500)]
    assert (claim["seller"], claim["billed_to"]) == (first["seller"], first["billed_to"])
    timeline_of = (await shop.get(f"/v1/orders/{number}/events")).json()["items"]
    (text,) = [one["data"] for one in timeline_of if one["data"].get("return_id") and one["type"] == "invoice_issued"]
    assert text["document_no"] == claim["document_no"]
    for lang, words in (("en", ("Supplementary invoice", "Paid separately -5.00", f"Exchange {return_id}", "10.00")),
                        ("zh", ("补充发票", "已另行支付", "换货单号"))):  # fmt: skip
        pdf = text_of(await shop.get(f"/v1/documents/{claim['document_no']}.pdf", lang=lang))
        for word in words:
            assert word in pdf, pdf
    assert await wrong(shop, number) == []


async def test_a_claim_before_the_first_invoice_is_invoiced_with_it(shop: ApiClient) -> None:
    sku = await stocked(shop, 1_000)
    number = await delivered(shop, sku, 2, shipping_minor=300)
    await claimed(shop, number, sku)
    assert await invoices(shop, number) == []
    await issued(shop, f"/v1/orders/{number}/invoice")
    assert [one["total_minor"] for one in await invoices(shop, number)] == [2_300, 1_000]
    assert await wrong(shop, number) == []


async def test_goods_that_come_after_the_claim_are_credited_and_the_claim_stays_invoiced(shop: ApiClient) -> None:
    sku = await stocked(shop, 1_000)
    number = await delivered(shop, sku)
    await issued(shop, f"/v1/orders/{number}/invoice")
    return_id = await claimed(shop, number, sku)
    for verb in ("receive", "inspect"):
        answer = await shop.as_("warehouse", "wu").post(f"/v1/returns/{return_id}/{verb}", found("as_new", sku, 1))
        assert answer.status_code == 200, answer.text
    (refund,) = await shop.sql("SELECT refund_id, amount_minor FROM refunds WHERE order_no = %s", number)
    await paid_back(shop, refund["refund_id"])
    note = await issued(shop, f"/v1/refunds/{refund['refund_id']}/credit-note")
    assert (note["total_minor"], refund["amount_minor"]) == (1_000, 1_000)
    assert await wrong(shop, number) == []


async def test_a_lost_chargeback_is_credited_with_its_loss(shop: ApiClient) -> None:
    sku = await stocked(shop, 1_000)
    number = await on_its_way(shop.as_("channel", "web"), an_order(sku, 2, shipping_minor=500))
    first = await issued(shop, f"/v1/orders/{number}/invoice")
    await disputed(shop, number, "lost", amount_minor=1_250)
    (note,) = await notes(shop, number)
    (dispute,) = await shop.sql("SELECT payment_id FROM disputes WHERE order_no = %s", number)
    assert (note["dispute_id"], note["refund_id"], note["corrects"]) == (
        dispute["payment_id"], None, first["document_no"],
    )  # fmt: skip
    assert [note[name] for name in ("total_minor", "items_minor", "discount_minor", "shipping_minor")] == [
        1_250, 0, -1_000, 250,
    ]  # fmt: skip
    for lang, words in (("en", ("Credit note", "Charged back 10.00", f"Chargeback {dispute['payment_id']}")),
                        ("zh", ("红字发票", "银行拒付冲减", "银行拒付"))):  # fmt: skip
        pdf = text_of(await shop.get(f"/v1/documents/{note['document_no']}.pdf", lang=lang))
        for word in words:
            assert word in pdf, pdf
    # What is left can be refunded and credited whole, the shipping charge too.
    rest = await refunded(shop, number, 1_250)
    assert (await issued(shop, f"/v1/refunds/{rest}/credit-note"))["total_minor"] == 1_250
    assert await wrong(shop, number) == []


async def test_a_chargeback_that_is_won_changes_no_document(shop: ApiClient) -> None:
    number = await on_its_way(shop, an_order(await stocked(shop, 1_000), 1))
    await issued(shop, f"/v1/orders/{number}/invoice")
    await disputed(shop, number, "won")
    assert (await notes(shop, number), await wrong(shop, number)) == ([], [])


async def test_a_chargeback_lost_before_the_first_invoice_is_credited_with_it(shop: ApiClient) -> None:
    number = await on_its_way(shop, an_order(await stocked(shop, 1_000), 1))
    await disputed(shop, number, "lost", amount_minor=400)
    await issued(shop, f"/v1/orders/{number}/invoice")
    assert ([one["total_minor"] for one in await notes(shop, number)], await wrong(shop, number)) == ([400], [])
    gone = await on_its_way(shop, an_order(await stocked(shop, 1_000), 1))
    await disputed(shop, gone, "lost")
    assert (await shop.post(f"/v1/orders/{gone}/invoice", {})).json()["code"] == "not_invoiceable"


async def test_a_refund_that_bounced_is_owed_and_stays_credited(shop: ApiClient) -> None:
    """It is paid again; what is owed is not kept, and one credit note is all it has."""
    number = await on_its_way(shop, an_order(await stocked(shop, 1_000), 1))
    await issued(shop, f"/v1/orders/{number}/invoice")
    refund = await refunded(shop, number, 400)
    note = await issued(shop, f"/v1/refunds/{refund}/credit-note")
    await bounced(shop, number, refund)
    assert await wrong(shop, number) == []
    await paid_back(shop, refund)
    assert (await issued(shop, f"/v1/refunds/{refund}/credit-note"))["document_no"] == note["document_no"]
    assert await wrong(shop, number) == []


async def test_what_a_chargeback_takes_of_a_bounced_refund_is_credited_once(shop: ApiClient) -> None:
    number = await on_its_way(shop, an_order(await stocked(shop, 1_000), 1))
    await issued(shop, f"/v1/orders/{number}/invoice")
    refund = await refunded(shop, number, 400)
    await issued(shop, f"/v1/refunds/{refund}/credit-note")
    await bounced(shop, number, refund)
    await disputed(shop, number, "lost")
    assert [one["total_minor"] for one in await notes(shop, number)] == [400, 600]
    assert await wrong(shop, number) == []


async def test_a_refused_document_undoes_neither_claim_nor_loss(shop: ApiClient) -> None:
    sku = await stocked(shop, 1_000)
    number = await delivered(shop, sku)
    first = await issued(shop, f"/v1/orders/{number}/invoice")
    path, amy = f"/v1/orders/{number}/supplementary-invoices", shop.as_("support", "amy")
    async with no_documents(shop, number, "OM999"):
        await disputed(shop, number, "lost", amount_minor=300)
        await claimed(shop, number, sku)  # of the old goods' money 700 is left to pay for the new ones
        assert (await amy.post(path)).json()["code"] == "invoice_refused"
    (fault,) = await wrong(shop, number)
    assert (fault.place, fault.expected, fault.found) == (first["document_no"], "1400", "1000")
    made = await amy.post(path)
    assert made.status_code == 201, made.text
    assert [(one["kind"], one["total_minor"]) for one in made.json()["items"]] == [
        ("invoice", 700), ("credit_note", 300),
    ]  # fmt: skip
    audited = await shop.sql("SELECT action FROM audit_log WHERE order_no = %s AND action LIKE '%%made_up'", number)
    assert [one["action"] for one in audited] == ["invoice_made_up", "credit_note_made_up"]
    assert (await amy.post(path)).json()["code"] == "nothing_to_invoice"
    assert await wrong(shop, number) == []


@pytest.mark.parametrize("kind", ["claim", "loss"])
async def test_numbers_of_claims_and_losses_are_the_next_of_their_series(shop: ApiClient, kind: str) -> None:
    sku = await stocked(shop, 1_000)
    number = await delivered(shop, sku)
    await issued(shop, f"/v1/orders/{number}/invoice")
    await (claimed(shop, number, sku) if kind == "claim" else disputed(shop, number, "lost"))
    rows = await shop.sql(
        "SELECT series, year, array_agg(number ORDER BY number) AS n, array_agg(number ORDER BY issued_at) AS t,"
        " (SELECT last_number FROM document_series s WHERE (s.series, s.year) = (d.series, d.year)) AS last"
        " FROM documents d GROUP BY series, year"
    )
    for row in rows:
        assert row["n"] == row["t"] == list(range(1, row["last"] + 1))
