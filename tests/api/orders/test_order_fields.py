"""What the database gives of an order has the fields that its types name."""

from collections.abc import Mapping
from typing import Any

from infra.db.after_sales import return_queries
from infra.db.after_sales.return_fields import ExchangeFields, ReturnFields, ReturnLineFields, WholeReturn
from infra.db.orders.searching import listing
from infra.db.orders.searching.order_row import OrderRow
from infra.db.portal import order_summaries
from infra.db.read_models import order_detail
from infra.db.read_models.order_fields import (
    AttentionFields,
    EventFields,
    HoldFields,
    LineFields,
    OrderCustomer,
    OrderFields,
    PaymentFields,
    RefundFields,
    ShipmentFields,
)
from tests.api.conftest import ApiClient, unique
from tests.api.orders.test_holds import held, placed
from tests.factories.returns import a_return, delivered
from tests.factories.sales import refunded

_PARCEL = (
    "INSERT INTO shipments (shipment_id, order_no, warehouse, carrier, status, idempotency_key, tracking_no) "
    "VALUES (%s, %s, 'WH-EAST', 'sandbox', 'booked', %s, 'T-9')"
)
_PARKED = (
    "INSERT INTO parked_steps (order_no, park_no, step, error, attempts, options, amount_minor, escalate_at) "
    "VALUES (%s, 1, 'refund', 'card_closed', 1, '{retry}', 100, now())"
)


def named(entry: Mapping[str, Any], of: type) -> None:
    assert set(entry) == set(of.__annotations__), of.__name__


async def test_an_order_has_the_fields_that_its_types_name(shop: ApiClient) -> None:
    order_no = await delivered(shop)
    await refunded(shop, order_no, amount_minor=100)
    await shop.sql(_PARKED, order_no)
    services = shop.app.state.services
    async with services.database.begin() as conn:
        order = await order_detail.whole_order(conn, services.keys, order_no)
        events = await order_detail.timeline(conn, order_no, 0, 1)
        pieces = await order_summaries.returnable(conn, order_no)
    assert order is not None and order["needs_attention"] is not None
    named(order, OrderFields)
    named(order["customer"], OrderCustomer)
    named(order["needs_attention"], AttentionFields)
    named(order["lines"][0], LineFields)
    named(order["payments"][0], PaymentFields)
    named(order["refunds"][0], RefundFields)
    named(events[0], EventFields)
    named(pieces[0], order_summaries.ReturnableLine)


async def test_holds_and_parcels_have_the_fields_that_their_types_name(shop: ApiClient) -> None:
    order_no = await placed(shop)
    await shop.sql(_PARCEL, *[unique("s"), order_no, unique("s")])
    await held(shop, order_no)
    services = shop.app.state.services
    async with services.database.begin() as conn:
        order = await order_detail.whole_order(conn, services.keys, order_no)
    assert order is not None
    named(order["holds"][0], HoldFields)
    named(order["shipments"][0], ShipmentFields)


async def test_a_return_has_the_fields_that_its_types_name(shop: ApiClient) -> None:
    order_no = await delivered(shop)
    asked = await shop.post(f"/v1/orders/{order_no}/returns", a_return(resolution="exchange"))
    assert asked.status_code == 201, asked.text
    services = shop.app.state.services
    async with services.database.begin() as conn:
        whole = (await return_queries.one(conn, services.keys, asked.json()["return_id"])).body
        (listed,) = await return_queries.of_order(conn, order_no)
    assert whole["exchange"] is not None
    named(whole, WholeReturn)
    named(listed, ReturnFields)
    named(whole["lines"][0], ReturnLineFields)
    named(whole["exchange"], ExchangeFields)


async def test_a_row_of_a_list_has_the_fields_that_its_type_names(shop: ApiClient) -> None:
    await placed(shop)
    async with shop.app.state.services.database.begin() as conn:
        row = (await listing.page(conn, listing.OrderListFilter(limit=1)))[0]
    assert {*row, "details"} == set(OrderRow.__annotations__)
