"""Credit notes for goods that took the place of others after the invoice was issued."""

from typing import Any

from tests.api.conftest import ApiClient
from tests.factories import order_changes
from tests.factories.order_changes import change, lines
from tests.factories.sales import paid_back, refunded


async def credit_note(shop: ApiClient, refund_id: str) -> dict[str, Any]:
    answer = await shop.post(f"/v1/refunds/{refund_id}/credit-note", {})
    return {"status": answer.status_code, **answer.json()}


async def test_goods_instead_of_invoiced_ones_are_credited_on_their_lines(shop: ApiClient) -> None:
    old, new = await order_changes.stocked(shop, 1_000), await order_changes.stocked(shop, 900)
    number = await order_changes.placed(shop, old, 2)
    await order_changes.reserved(shop, number)
    await order_changes.paid(shop, number)
    assert (await shop.post(f"/v1/orders/{number}/invoice", {})).json()["total_minor"] == 2_000
    changed = await change(shop, number, lines(**{old: 1, new: 1}))
    await paid_back(shop, changed.json()["refund_id"])
    assert (await credit_note(shop, changed.json()["refund_id"]))["total_minor"] == 100

    for sku, worth in ((new, 900), (old, 1_000)):
        refund_id = await refunded(shop, number, lines=[{"sku": sku, "quantity": 1}])
        note = await credit_note(shop, refund_id)
        assert (note["status"], note.get("total_minor")) == (201, worth), note
        body = (await shop.get(f"/v1/documents/{note['document_no']}")).json()
        assert [line["sku"] for line in body["lines"]] == [old]


async def test_goods_that_the_shipping_charge_paid_for_are_credited_on_it(shop: ApiClient) -> None:
    """What is kept back of goods that are taken off is kept of their shipping first: it stands behind the new ones."""
    old, stored, new = [await order_changes.stocked(shop, price) for price in (1_000, 1_000, 7)]
    wanted = [{"sku": old, "quantity": 1}, {"sku": stored, "quantity": 1}]
    number = await order_changes.placed(shop.as_("channel", "web"), old, lines=wanted, shipping_minor=100)
    await order_changes.reserved(shop, number)
    await order_changes.paid(shop, number)
    invoice = (await shop.post(f"/v1/orders/{number}/invoice", {})).json()["total_minor"]
    changed = await change(shop, number, lines(**{stored: 1, new: 1}))
    await paid_back(shop, changed.json()["refund_id"])
    notes = [await credit_note(shop, changed.json()["refund_id"])]
    notes.append(await credit_note(shop, await refunded(shop, number, lines=[{"sku": new, "quantity": 1}])))
    left = invoice - sum(note["total_minor"] for note in notes)
    notes.append(await credit_note(shop, await refunded(shop, number, left)))
    assert [(note["status"], note["total_minor"]) for note in notes] == [(201, 1_043), (201, 7), (201, 1_050)]
    body = [(await shop.get(f"/v1/documents/{note['document_no']}")).json()["shipping_minor"] for note in notes]
    assert body == [43, 7, 50]
