"""What is made to order, over HTTP: the product, the order, and that it is produced."""

from activities.orders.lifecycle import OrderActivities
from tests.api.catalogue.test_products import patch
from tests.api.conftest import ApiClient, unique
from tests.factories.order_changes import paid, placed, stocked
from workflows import payloads as m


async def made(shop: ApiClient, **more: object) -> str:
    """A new product that is made to order; its SKU."""
    sku = unique("MADE")
    body = {"sku": sku, "name": sku, "price_minor": 1000, "currency": "CNY", "kind": "made_to_order"}
    answer = await shop.as_("operations").post("/v1/products", body | {"lead_time_days": 3} | more)
    assert answer.status_code == 201, answer.text
    return sku


async def reserved(shop: ApiClient, number: str) -> str:
    """As the workflow's first step leaves it; the only fulfilment."""
    services = shop.app.state.services
    await OrderActivities(services.database, services.settings).reserve_stock(m.OrderRef(number))
    return f"{number}-F1"


async def test_what_is_made_is_received_and_reserved_once(shop: ApiClient) -> None:
    sku = await made(shop)
    number = await placed(shop, sku, 2)
    part = await reserved(shop, number)
    wen = shop.as_("warehouse", "wen")
    early = await wen.post(f"/v1/fulfilments/{part}/produced", {})
    assert (early.status_code, early.json()["code"]) == (409, "not_paid_yet")
    await paid(shop, number)
    answers = [await wen.post(f"/v1/fulfilments/{part}/produced", {}) for _ in range(2)]
    assert [(one.status_code, one.json()["kind"], one.json()["status"]) for one in answers] == [
        (200, "production", "reserved")
    ] * 2
    levels = (await wen.get(f"/v1/stock/{sku}")).json()["items"]
    assert sum(one["on_hand"] for one in levels) == sum(one["reserved"] for one in levels) == 2
    nobody = await wen.post(f"/v1/fulfilments/{part}/produced", {"warehouse": "NOWHERE"})
    assert nobody.status_code == 200, "it is made already"


async def test_a_person_confirms_a_service_once_it_is_paid(shop: ApiClient) -> None:
    sku = await made(shop, kind="virtual", delivered_by="confirmation", lead_time_days=None)
    number = await placed(shop, sku, 2)
    part = await reserved(shop, number)
    sam = shop.as_("support", "sam")
    early = await sam.post(f"/v1/fulfilments/{part}/performed", {})
    assert (early.status_code, early.json()["code"]) == (409, "not_paid_yet")
    await paid(shop, number)
    answers = [await sam.post(f"/v1/fulfilments/{part}/performed", {}) for _ in range(2)]
    assert [(one.status_code, one.json()["status"]) for one in answers] == [(200, "delivered")] * 2
    events = (await sam.get(f"/v1/orders/{number}/events")).json()["items"]
    assert [(one["actor"], one["data"]["units"]) for one in events if one["type"] == "service_performed"] == [
        ("support:sam", 2)
    ]
    assert (await sam.get(f"/v1/orders/{number}")).json()["status"] == "delivered"


async def test_what_is_no_service_is_not_performed(shop: ApiClient) -> None:
    part = await reserved(shop, await placed(shop, await made(shop), 1))
    answer = await shop.as_("support").post(f"/v1/fulfilments/{part}/performed", {})
    assert (answer.status_code, answer.json()["code"]) == (409, "not_a_service")


async def test_a_fulfilment_from_stock_is_not_produced(shop: ApiClient) -> None:
    number = await placed(shop, await stocked(shop, units=1), 1)
    part = await reserved(shop, number)
    answer = await shop.as_("warehouse").post(f"/v1/fulfilments/{part}/produced", {})
    assert (answer.status_code, answer.json()["code"]) == (409, "not_made_to_order")


async def test_the_kind_of_a_product_fits_and_stays_once_it_was_ordered(shop: ApiClient) -> None:
    olga = shop.as_("operations", "olga")
    body = {"sku": unique("P"), "name": "P", "price_minor": 1, "currency": "CNY"}
    for wrong, code in (
        ({"kind": "made_to_order"}, "lead_time_missing"),
        ({"lead_time_days": 2}, "supply_mismatch"),
        ({"kind": "virtual", "confirmed_after_days": 2}, "supply_mismatch"),
        ({"delivered_by": "confirmation"}, "supply_mismatch"),
        ({"kind": "made_to_order", "lead_time_days": 366}, "invalid_request"),
        ({"kind": "rented"}, "invalid_request"),
    ):
        answer = await olga.post("/v1/products", body | wrong)
        assert answer.status_code == 422, (wrong, answer.text)
        if code != "invalid_request":
            assert answer.json()["code"] == code, wrong
    sku = await made(shop)
    await placed(shop, sku, 1)
    answer = await patch(shop, sku, {"kind": "physical", "lead_time_days": None}, "*")
    assert (answer.status_code, answer.json()["code"]) == (409, "product_kind_in_use"), answer.text
    answer = await patch(shop, sku, {"lead_time_days": 9}, "*")
    assert (answer.status_code, answer.json()["lead_time_days"]) == (200, 9), answer.text


async def test_an_order_of_a_type_has_lines_of_that_kind_alone(shop: ApiClient) -> None:
    sku = await made(shop)
    body = {
        "channel": "web", "currency": "CNY", "customer": {"id": unique("c"), "name": "Li"},
        "ship_to": {"name": "Li", "country": "CN", "province": "上海市", "city": "上海市", "line1": "x"},
        "lines": [{"sku": sku, "quantity": 1}],
    }  # fmt: skip
    ann = shop.as_("support", "ann")
    for kind, status in (("made_to_order", 201), ("virtual", 422), ("standard", 201)):
        answer = await ann.post("/v1/orders", body | {"type": kind})
        assert answer.status_code == status, answer.text
    assert (await ann.post("/v1/orders", body | {"type": "virtual"})).json()["code"] == "type_mismatch"
