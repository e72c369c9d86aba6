"""Who may call what."""

from typing import Any

import pytest

from api.schemas.orders.orders import Line, PlaceOrder
from domain.access import Role
from tests.api.conftest import ApiClient, an_order, unique

STAFF = {"support", "warehouse", "finance", "operations", "admin"}
ORDERERS = {"customer", "channel", "support", "admin"}
BILLED = ORDERERS | {"finance"}
NUMBER = "0F9C9T-3J0000-00000X"

# (method, path, body) -> the roles that get past the door.
MATRIX: dict[tuple[str, str], tuple[Any, set[str]]] = {
    ("POST", "/v1/products"): ({}, {"operations", "admin"}),
    ("POST", "/v1/warehouses"): ({}, {"operations", "admin"}),
    ("GET", "/v1/products"): (None, STAFF),
    ("GET", "/v1/products/TEA-1"): (None, STAFF),
    ("PATCH", "/v1/products/TEA-1"): ({}, {"operations", "admin"}),
    ("POST", "/v1/products/TEA-1/picture"): ({}, {"operations", "admin"}),
    ("POST", "/v1/products/TEA-1/codes"): ({}, {"operations", "admin"}),
    ("GET", "/v1/products/TEA-1/codes"): (None, STAFF),
    ("GET", f"/v1/orders/{NUMBER}/codes"): (None, ORDERERS),
    ("GET", "/v1/product-export"): (None, STAFF),
    ("POST", "/v1/product-imports"): (None, {"operations", "admin"}),
    ("GET", "/v1/product-imports/imp_1"): (None, {"operations", "admin"}),
    ("GET", "/v1/product-imports/imp_1/rows"): (None, {"operations", "admin"}),
    ("POST", "/v1/product-imports/imp_1/apply"): (None, {"operations", "admin"}),
    ("GET", "/v1/warehouses"): (None, STAFF),
    ("GET", "/v1/warehouses/WH-EAST"): (None, STAFF),
    ("PATCH", "/v1/warehouses/WH-EAST"): ({}, {"operations", "admin"}),
    ("GET", "/v1/stock"): (None, STAFF),
    ("PUT", "/v1/customers/c-17/credit"): ({"limit_minor": -1}, {"finance", "admin"}),
    ("GET", "/v1/customers/c-17/credit"): (None, {"finance", "support", "admin"}),
    ("GET", "/v1/receivables"): (None, {"finance", "support", "admin"}),
    ("POST", f"/v1/orders/{NUMBER}/transfers"): ({}, {"finance", "admin"}),
    ("GET", "/v1/availability"): (None, STAFF | {"customer", "channel"}),
    ("GET", f"/v1/orders/{NUMBER}/sourcing"): (None, STAFF),
    ("POST", f"/v1/orders/{NUMBER}/sourcing"): ({}, {"support", "operations", "admin"}),
    ("GET", "/v1/sourcing/profiles"): (None, STAFF),
    ("GET", "/v1/sourcing/warehouses"): (None, STAFF),
    ("PUT", "/v1/sourcing/warehouses/WH-EAST"): ({"cut_off": "no"}, {"operations", "admin"}),
    ("POST", "/v1/sourcing/profiles"): ({}, {"operations", "admin"}),
    ("GET", "/v1/sourcing/profiles/1"): (None, STAFF),
    ("GET", "/v1/sourcing/profiles/1/dry-run"): (None, {"operations", "admin"}),
    ("POST", "/v1/sourcing/profiles/1/activate"): ({}, {"operations", "admin"}),
    ("GET", "/v1/fulfilments"): (None, STAFF),
    ("POST", f"/v1/fulfilments/{NUMBER}-F1/pick"): ({}, {"warehouse", "operations", "admin"}),
    ("POST", f"/v1/fulfilments/{NUMBER}-F1/pack"): ({}, {"warehouse", "operations", "admin"}),
    ("POST", f"/v1/fulfilments/{NUMBER}-F1/ship"): ({}, {"warehouse", "operations", "admin"}),
    ("POST", f"/v1/fulfilments/{NUMBER}-F1/performed"): ({}, {"support", "warehouse", "operations", "admin"}),
    ("POST", f"/v1/fulfilments/{NUMBER}-F1/produced"): ({}, {"warehouse", "operations", "admin"}),
    ("POST", f"/v1/fulfilments/{NUMBER}-F1/refuse"): ({}, {"warehouse", "operations", "admin"}),
    ("GET", "/v1/channels"): (None, STAFF),
    ("GET", "/v1/channels/web"): (None, STAFF),
    ("PUT", "/v1/channels/web"): ({"colour": "no"}, {"operations", "admin"}),
    ("GET", "/v1/stock/TEA-1"): (None, STAFF),
    ("GET", "/v1/stock/TEA-1/movements"): (None, STAFF),
    ("POST", "/v1/stock/safety-stock"): ({}, {"operations", "admin"}),
    ("POST", "/v1/stock/receipts"): ({}, {"warehouse", "admin"}),
    ("POST", "/v1/stock/adjustments"): ({}, {"warehouse", "admin"}),
    ("POST", "/v1/stock/transfers"): ({}, {"warehouse", "admin"}),
    ("GET", "/v1/stock/transfers"): (None, STAFF),
    ("GET", "/v1/stock/transfers/tr_1"): (None, STAFF),
    ("POST", "/v1/stock/transfers/tr_1/ship"): ({}, {"warehouse", "admin"}),
    ("POST", "/v1/stock/transfers/tr_1/receive"): ({}, {"warehouse", "admin"}),
    ("POST", "/v1/stock/transfers/tr_1/cancel"): ({}, {"warehouse", "admin"}),
    ("GET", "/v1/stock/cases"): (None, STAFF),
    ("POST", "/v1/carrier-bills"): (None, {"finance", "admin"}),
    ("GET", "/v1/carrier-bills"): (None, STAFF),
    ("GET", "/v1/carrier-bills/bill_1"): (None, STAFF),
    ("GET", "/v1/freight-differences"): (None, STAFF),
    ("POST", "/v1/freight-differences/1/owner"): ({}, {"finance", "admin"}),
    ("POST", "/v1/freight-differences/1/decide"): ({}, {"finance", "admin"}),
    ("GET", f"/v1/orders/{NUMBER}/freight"): (None, STAFF),
    ("GET", "/v1/stock/counts"): (None, STAFF),
    ("GET", "/v1/locations"): (None, STAFF),
    ("POST", "/v1/locations"): ({}, {"warehouse", "operations", "admin"}),
    ("PATCH", "/v1/locations/WH-EAST/a_1"): ({}, {"warehouse", "operations", "admin"}),
    ("POST", "/v1/stock/moves"): ({}, {"warehouse", "admin"}),
    ("GET", "/v1/stock/TEA-1/locations"): (None, STAFF),
    ("POST", "/v1/stock/counts"): ({}, {"warehouse", "admin"}),
    ("GET", "/v1/stock/counts/ct_1"): (None, STAFF),
    ("POST", "/v1/stock/counts/ct_1/approve"): ({}, {"warehouse", "operations", "admin"}),
    ("POST", "/v1/stock/counts/ct_1/refuse"): ({}, {"warehouse", "operations", "admin"}),
    ("POST", "/v1/stock/counts/ct_1/post"): ({}, {"warehouse", "operations", "admin"}),
    ("GET", "/v1/stock/TEA-1/arrivals"): (None, STAFF),
    ("GET", "/v1/purchase-orders"): (None, STAFF),
    ("POST", "/v1/purchase-orders"): ({}, {"warehouse", "operations", "admin"}),
    ("GET", "/v1/purchase-orders/po_1"): (None, STAFF),
    ("PATCH", "/v1/purchase-orders/po_1"): ({}, {"warehouse", "operations", "admin"}),
    ("POST", "/v1/purchase-orders/po_1/cancel"): ({}, {"warehouse", "operations", "admin"}),
    ("GET", "/v1/replenishment/suggestions"): (None, STAFF),
    ("POST", "/v1/replenishment/suggestions/order"): ({}, {"warehouse", "operations", "admin"}),
    ("GET", "/v1/replenishment/rules"): (None, STAFF),
    ("PUT", "/v1/replenishment/rules"): ({"sku": 1}, {"operations", "admin"}),
    ("DELETE", "/v1/replenishment/rules/1"): (None, {"operations", "admin"}),
    ("GET", "/v1/replenishment/runs"): (None, STAFF),
    ("POST", "/v1/replenishment/runs"): ({"x": 1}, {"warehouse", "operations", "admin"}),
    ("POST", "/v1/stock/cases/1/owner"): ({}, {"warehouse", "operations", "admin"}),
    ("POST", "/v1/stock/cases/1/resolve"): ({}, {"warehouse", "operations", "admin"}),
    ("GET", "/v1/support/stuck"): (None, {"support", "admin"}),
    ("POST", f"/v1/support/orders/{NUMBER}/resolve"): ({}, {"support", "admin"}),
    ("GET", f"/v1/support/orders/{NUMBER}/running"): (None, {"support", "admin"}),
    ("POST", f"/v1/support/orders/{NUMBER}/running/1"): ({}, {"support", "admin"}),
    ("POST", f"/v1/support/orders/{NUMBER}/reset"): ({}, {"support", "admin"}),
    ("POST", "/v1/support/resolve"): ({}, {"support", "admin"}),
    ("GET", "/v1/support/jobs/job_1"): (None, {"support", "admin"}),
    ("POST", "/v1/support/jobs/job_1/stop"): ({}, {"support", "admin"}),
    ("POST", f"/v1/orders/{NUMBER}/holds"): ({}, {"support", "warehouse", "finance", "operations", "admin"}),
    ("POST", f"/v1/orders/{NUMBER}/holds/1/release"): ({}, STAFF),
    ("GET", f"/v1/orders/{NUMBER}/messages/1"): (None, {"support", "warehouse", "admin", "customer", "channel"}),
    ("POST", f"/v1/orders/{NUMBER}/messages/1/retry"): (None, {"support", "admin"}),
    ("POST", f"/v1/orders/{NUMBER}/messages/resend"): (None, {"support", "admin"}),
    ("PATCH", f"/v1/orders/{NUMBER}/contact"): ({}, {"support", "admin"}),
    ("POST", f"/v1/orders/{NUMBER}/priority"): ({}, {"support", "operations", "admin"}),
    ("GET", "/v1/support/holds"): (None, {"support", "warehouse", "finance", "operations", "admin"}),
    ("POST", f"/v1/support/orders/{NUMBER}/adjust"): ({}, {"support", "admin"}),
    ("GET", "/v1/support/approvals"): (None, {"support", "finance", "operations", "admin"}),
    ("POST", "/v1/support/approvals/apr_1/approve"): ({"reason": "x"}, {"support", "finance", "operations", "admin"}),
    ("POST", "/v1/support/approvals/apr_1/refuse"): ({"reason": "x"}, {"support", "finance", "operations", "admin"}),
    ("GET", "/v1/webhook-endpoints"): (None, {"operations", "admin"}),
    ("POST", "/v1/webhook-endpoints"): ({}, {"operations", "admin"}),
    ("POST", "/v1/webhook-endpoints/whe_1/replay"): ({}, {"operations", "admin"}),
    ("DELETE", "/v1/webhook-endpoints/whe_1"): (None, {"operations", "admin"}),
    ("GET", "/v1/notices/channels"): (None, {"operations", "admin"}),
    ("POST", "/v1/notices/channels"): ({}, {"operations", "admin"}),
    ("DELETE", "/v1/notices/channels/nch_1"): (None, {"operations", "admin"}),
    ("POST", "/v1/notices/channels/nch_1/test"): (None, {"operations", "admin"}),
    ("POST", f"/v1/orders/{NUMBER}/delivery-problem"): ({}, ORDERERS),
    ("POST", f"/v1/orders/{NUMBER}/backorder"): ({}, ORDERERS),
    ("POST", "/v1/shipments/S-1/came-back"): ({}, {"warehouse", "admin"}),
    ("GET", "/v1/customers/c-17/store-credit"): (None, {"customer", "support", "finance", "admin"}),
    ("GET", "/v1/order-drafts"): (None, {"support", "admin"}),
    ("POST", "/v1/order-drafts"): ({}, {"support", "admin"}),
    ("GET", "/v1/order-drafts/draft_1"): (None, {"support", "admin"}),
    ("PATCH", "/v1/order-drafts/draft_1"): ({}, {"support", "admin"}),
    ("DELETE", "/v1/order-drafts/draft_1"): (None, {"support", "admin"}),
    ("POST", "/v1/order-drafts/draft_1/place"): ({}, {"support", "admin"}),
    ("GET", "/v1/customers"): (None, {"support", "admin"}),
    ("GET", "/v1/customers/c-17"): (None, {"support", "admin"}),
    ("PUT", "/v1/customers/c-17/group"): ({"customer_group": 1}, {"support", "operations", "admin"}),
    ("GET", "/v1/tokens"): (None, {"admin"}),
    ("POST", "/v1/tokens"): ({}, {"admin"}),
    ("GET", "/v1/staff"): (None, {"admin"}),
    ("POST", "/v1/staff"): ({}, {"admin"}),
    ("POST", "/v1/staff/amy/reset"): ({}, {"admin"}),
    ("POST", "/v1/staff/amy/remove"): (None, {"admin"}),
    ("POST", "/v1/staff/amy/reactivate"): (None, {"admin"}),
    ("POST", "/v1/staff/amy/role"): ({}, {"admin"}),
    ("POST", "/v1/staff/amy/second-factor/reset"): (None, {"admin"}),
    ("POST", "/v1/staff/amy/sign-out"): (None, {"admin"}),
    ("GET", "/v1/staff/invitations"): (None, {"admin"}),
    ("POST", "/v1/staff/invitations"): ({}, {"admin"}),
    ("POST", "/v1/staff/invitations/inv_1/revoke"): (None, {"admin"}),
    ("POST", "/v1/tokens/tok_1/revoke"): (None, {"admin"}),
    ("GET", "/v1/audit"): (None, {"operations", "admin"}),
    ("GET", "/v1/doctor"): (None, {"operations", "admin"}),
    ("GET", "/v1/backlog"): (None, STAFF),
    ("POST", "/v1/recover"): (None, {"operations", "admin"}),
    ("GET", "/v1/audit/verify"): (None, {"operations", "admin"}),
    ("GET", "/v1/audit/access"): (None, {"operations", "admin"}),
    ("GET", "/v1/audit/anchors/newest"): (None, {"operations", "admin"}),
    ("POST", "/v1/audit/anchors"): (None, {"admin"}),
    ("GET", "/v1/ledger/check"): (None, {"finance", "operations", "admin"}),
    ("POST", "/v1/stock/quarantine"): ({}, {"warehouse", "admin"}),
    ("POST", f"/v1/orders/{NUMBER}/returns"): ({}, ORDERERS),
    ("GET", "/v1/returns"): (None, STAFF),
    ("GET", "/v1/returns/rt_1"): (None, {str(role) for role in Role}),
    ("GET", "/v1/returns/rt_1/photographs"): (None, ORDERERS | {"warehouse"}),
    ("POST", "/v1/returns/rt_1/photographs"): (None, ORDERERS),
    ("GET", "/v1/returns/rt_1/photographs/x"): (None, ORDERERS | {"warehouse"}),
    ("GET", "/v1/returns/rt_1/label"): (None, {str(role) for role in Role}),
    ("POST", "/v1/returns/rt_1/approve"): (None, {"support", "warehouse", "admin"}),
    ("POST", "/v1/returns/rt_1/reject"): ({}, {"support", "warehouse", "admin"}),
    ("POST", "/v1/returns/rt_1/receive"): ({}, {"support", "warehouse", "admin"}),
    ("POST", "/v1/returns/rt_1/inspect"): ({}, {"support", "warehouse", "admin"}),
    ("POST", "/v1/returns/rt_1/cancel"): (None, ORDERERS),
    ("POST", "/v1/returns/rt_1/tracking"): ({}, ORDERERS),
    ("POST", "/v1/orders"): ({}, ORDERERS),
    ("POST", f"/v1/orders/{NUMBER}/cancel"): ({}, ORDERERS),
    ("POST", f"/v1/orders/{NUMBER}/payments"): ({}, ORDERERS),
    ("POST", f"/v1/orders/{NUMBER}/refunds"): ({}, {"support", "finance", "admin"}),
    ("GET", f"/v1/orders/{NUMBER}/refunds"): (None, {str(role) for role in Role}),
    ("GET", "/v1/refunds/rf_1"): (None, {str(role) for role in Role}),
    ("POST", f"/v1/orders/{NUMBER}/invoice"): ({}, BILLED),
    ("POST", f"/v1/orders/{NUMBER}/credit-note"): ({}, BILLED),
    ("POST", "/v1/refunds/rfd_1/credit-note"): ({}, BILLED),
    ("POST", f"/v1/orders/{NUMBER}/supplementary-invoices"): (None, {"support", "finance", "admin"}),
    ("GET", f"/v1/orders/{NUMBER}/documents"): (None, BILLED),
    ("GET", "/v1/documents/INV-2026-000001"): (None, BILLED),
    ("GET", "/v1/documents/INV-2026-000001.pdf"): (None, BILLED),
    ("POST", f"/v1/orders/{NUMBER}/feedback"): ({}, ORDERERS),
    ("GET", f"/v1/orders/{NUMBER}/feedback"): (None, ORDERERS | {"operations"}),
    ("GET", "/v1/feedback"): (None, {"support", "operations", "admin"}),
    ("GET", "/v1/feedback/summary"): (None, {"support", "operations", "admin"}),
    ("POST", "/v1/feedback/fbk_1/answer"): ({}, {"support", "admin"}),
    ("GET", f"/v1/orders/{NUMBER}/notes"): (None, STAFF),
    ("POST", f"/v1/orders/{NUMBER}/notes"): ({}, STAFF),
    ("PATCH", f"/v1/orders/{NUMBER}/notes/note_1"): ({}, STAFF),
    ("DELETE", f"/v1/orders/{NUMBER}/notes/note_1"): (None, STAFF),
    ("PUT", f"/v1/orders/{NUMBER}/tags"): ({}, STAFF),
    ("PUT", f"/v1/orders/{NUMBER}/assignee"): ({}, STAFF),
    ("GET", "/v1/tags"): (None, STAFF),
    ("GET", "/v1/mentions"): (None, STAFF),
    ("POST", "/v1/mentions/read"): (None, STAFF),
    ("GET", "/v1/disputes"): (None, {"support", "finance", "operations", "admin"}),
    ("POST", "/v1/disputes/1/evidence"): ({}, {"support", "finance", "admin"}),
    ("POST", "/v1/disputes/1/accept"): (None, {"support", "finance", "admin"}),
    ("PATCH", f"/v1/orders/{NUMBER}"): ({}, ORDERERS),
    ("GET", "/v1/orders"): (None, {str(role) for role in Role}),
    ("GET", "/v1/reports/home"): (None, STAFF),
    ("GET", "/v1/reports/sales"): (None, {"support", "finance", "operations", "admin"}),
    ("GET", "/v1/orders/export"): (None, STAFF),
    ("GET", "/v1/orders/print"): (None, {"support", "admin"}),
    ("POST", "/v1/orders/bulk"): ({}, STAFF),
    ("POST", "/v1/orders/bulk/preview"): ({}, STAFF),
    ("GET", "/v1/orders/bulk/job_1"): (None, STAFF),
    ("GET", "/v1/order-views"): (None, STAFF),
    ("POST", "/v1/order-views"): ({}, STAFF),
    ("DELETE", "/v1/order-views/view_1"): (None, STAFF),
}


@pytest.mark.parametrize("role", [str(role) for role in Role])
async def test_role_matrix(shop: ApiClient, role: str) -> None:
    caller = shop.as_(role, "c-17" if role == "customer" else "web")
    wrong = []
    for (method, path), (body, allowed) in MATRIX.items():
        headers = caller.headers | {"Idempotency-Key": unique("key")}
        response = await shop.http.request(method, path, json=body, headers=headers)
        if (response.status_code != 403) != (role in allowed):
            wrong.append((method, path, response.status_code, response.text))
    assert not wrong


async def test_every_call_with_a_token_refuses_one_without(shop: ApiClient) -> None:
    for (method, path), (body, _) in MATRIX.items():
        response = await shop.http.request(method, path, json=body)
        assert (response.status_code, response.json()["code"]) == (401, "token_missing"), (method, path)


async def test_customer_lists_their_own(shop: ApiClient) -> None:
    mine, others = unique("c"), unique("c")
    for customer in (mine, others):
        order = an_order(customer={"id": customer, "name": "N", "email": None, "phone": None})
        assert (await shop.post("/v1/orders", order)).status_code == 201
    caller = shop.as_("customer", mine)

    items = (await caller.get("/v1/orders")).json()["items"]

    assert [item["customer_id"] for item in items] == [mine]
    assert (await caller.get("/v1/orders", customer=others)).status_code == 403


async def test_admin_places_and_staff_see_the_link_into_temporal(shop: ApiClient) -> None:
    placed = await shop.as_("admin", "root").post("/v1/orders", an_order())
    assert placed.status_code == 201


OWN = {"channel", "type", "currency", "customer", "ship_to", "lines", "payment", "note", "delivery_slot", "backorder"}
OWN |= {"ship_complete", "sku", "quantity", "purchase_order", "terms_days"}
# What is the shop's: a customer's token that sets it, and the refusal.
THE_SHOPS: dict[str, tuple[dict[str, Any], int, str]] = {
    "external_ref": ({"external_ref": "S-1"}, 422, "external_ref_not_accepted"),
    "priority": ({"priority": "vip"}, 422, "priority_not_accepted"),
    "discount_minor": ({"discount_minor": 0}, 422, "price_not_accepted"),
    "shipping_minor": ({"shipping_minor": 0}, 422, "price_not_accepted"),
    "unit_price_minor": (
        {"lines": [{"sku": "TEA-1", "quantity": 1, "unit_price_minor": 1}]},
        422,
        "price_not_accepted",
    ),
    "another's id": ({"customer": {"id": "c-18", "name": "Li"}}, 403, "customer_mismatch"),
    "a shop's channel": ({"channel": "shop-7"}, 403, "channel_mismatch"),
}


@pytest.mark.parametrize("what", THE_SHOPS)
async def test_a_customers_token_sets_nothing_that_is_the_shops(shop: ApiClient, what: str) -> None:
    body, status, code = THE_SHOPS[what]
    before = await shop.row_counts()
    answer = await shop.as_("customer", "c-17").post("/v1/orders", an_order(**body))
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert await shop.row_counts() == before


def test_every_field_of_an_order_is_the_customers_own_or_refused_to_them() -> None:
    fields = set(PlaceOrder.model_fields) | set(Line.model_fields)
    assert fields == OWN | (set(THE_SHOPS) & fields)


async def test_a_customer_cannot_occupy_a_shops_order_number(shop: ApiClient) -> None:
    number = unique("S")
    mine = shop.as_("customer", "c-17")
    for body in ({"external_ref": number}, {"external_ref": number, "channel": "shop-7"}):
        assert (await mine.post("/v1/orders", an_order(**body))).status_code in (403, 422)
    theirs = an_order(external_ref=number, channel="shop-7")
    assert (await shop.as_("channel", "shop-7").post("/v1/orders", theirs)).status_code == 201
    assert (await mine.post("/v1/orders", an_order())).status_code == 201
