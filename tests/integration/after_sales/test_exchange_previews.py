"""What acts on exchanged goods would bring is said before: their money is with the order that took it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from infra.stack.temporal.temporal_server import TemporalServer
from tests.api.conftest import unique
from tests.conftest import DatabaseUrls
from tests.factories.purchases import DEAR, OLD, Buyer, inconsistencies, shop_open
from tests.factories.returns import a_return
from tests.integration.conftest import Office


@pytest.fixture(scope="module")
async def office(
    database_url: DatabaseUrls, temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Office]:
    async with shop_open(database_url, temporal, tmp_path_factory.mktemp("previews")) as opened:
        yield opened


@pytest.fixture
async def buyer(office: Office) -> AsyncIterator[Buyer]:
    yield Buyer(office)
    assert not await inconsistencies(office)


async def exchanged(buyer: Buyer, sku: str = OLD) -> tuple[str, str, str]:
    """(order, return, new order) of goods that were exchanged for the same again, which are not sent yet."""
    order_no = await buyer.buys(sku)
    return_id = await buyer.asks(order_no, sku)
    await buyer.sends_back(return_id, sku)
    return order_no, return_id, (await buyer.new_order(return_id))["order_no"]


async def previewed(buyer: Buyer, order_no: str, sku: str = OLD, **options: Any) -> dict[str, Any]:
    answer = await buyer.api.post(f"/v1/orders/{order_no}/returns?preview=true", a_return(sku, **options))
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["consequence"])


async def test_a_return_says_what_goes_back_of_the_first_order(buyer: Buyer) -> None:
    order_no, _, new = await exchanged(buyer)
    await buyer.gets(new)
    assert (await previewed(buyer, new))["refund"]["amount_minor"] == 1_000
    return_id = await buyer.asks(new, resolution="refund")
    await buyer.sends_back(return_id)
    await buyer.becomes(return_id, "completed")
    assert await buyer.retained_minor(order_no, new) == 0


async def test_what_support_gave_before_is_not_promised_again(buyer: Buyer) -> None:
    order_no, _, new = await exchanged(buyer)
    await buyer.gets(new)
    body = {"amount_minor": 900, "reason": "goodwill"}
    assert (await buyer.office.staff("amy").post(f"/v1/orders/{order_no}/refunds", body)).status_code == 201
    observed = await previewed(buyer, new)
    assert observed["refund"]["amount_minor"] == 100
    assert observed["kept"] == [{"what": "goods", "amount_minor": 900, "why": "refunded_before"}]
    assert (await buyer.previews(new))["value_minor"] == 100


async def test_dear_exchanged_goods_wait_for_a_persons_approval(buyer: Buyer) -> None:
    sku = unique("PRECIOUS")
    limit = buyer.office.stage.settings.return_auto_approve_minor
    await buyer.office.stage.stock(sku, 5, price_minor=limit + 1)
    order_no = await buyer.buys(sku)
    first = await buyer.asks(order_no, sku)
    await buyer.sends_back(first, sku)
    new = (await buyer.new_order(first))["order_no"]
    await buyer.gets(new)
    assert (await previewed(buyer, new, sku))["status"] == "requested"
    assert (await buyer.detail(await buyer.asks(new, sku, resolution="refund")))["status"] == "requested"


async def test_cancelling_says_what_goes_back_of_the_first_order(buyer: Buyer) -> None:
    order_no = await buyer.buys()
    first = await buyer.asks(order_no, exchange_lines=[{"sku": DEAR, "quantity": 1}])
    await buyer.sends_back(first)
    new = (await buyer.new_order(first))["order_no"]
    await buyer.office.stage.reaches(new, "pending_payment")
    response = await buyer.api.post(f"/v1/orders/{new}/cancel?preview=true", {"reason": "too dear"})
    assert response.json()["consequence"]["refund_minor"] == 1_000
    assert (await buyer.api.post(f"/v1/orders/{new}/cancel", {"reason": "too dear"})).status_code == 200
    await buyer.becomes(first, "completed")
    assert await buyer.retained_minor(order_no, new) == 0


async def test_a_lost_parcel_says_what_goes_back_of_the_first_order(buyer: Buyer) -> None:
    _, _, new = await exchanged(buyer)
    await buyer.office.stage.reaches(new, "preparing")
    await buyer.office.stage.carrier_says(new, "picked_up", "lost")
    await buyer.office.stage.parked(new)
    path, choice = f"/v1/orders/{new}/delivery-problem", {"choice": "refund"}
    assert (await buyer.api.post(f"{path}?preview=true", choice)).json()["refund_minor"] == 1_000
    assert (await buyer.api.post(path, choice)).json()["refund_minor"] == 1_000
    await buyer.office.stage.reaches(new, "cancelled")


async def test_goods_that_were_refunded_before_are_exchanged_for_what_the_preview_says(buyer: Buyer) -> None:
    order_no = await buyer.buys()
    body = {"amount_minor": 1_000, "reason": "goodwill"}
    assert (await buyer.office.staff("amy").post(f"/v1/orders/{order_no}/refunds", body)).status_code == 201
    response = await buyer.previews(order_no)
    assert (response["value_minor"], response["to_pay_minor"]) == (0, 1_000)
    return_id = await buyer.asks(order_no)
    await buyer.sends_back(return_id)
    new = await buyer.new_order(return_id)
    assert (new["total_minor"], new["exchange_of"]) == (1_000, order_no)
    await buyer.office.stage.reaches(new["order_no"], "pending_payment")
    assert (await buyer.api.post(f"/v1/orders/{new['order_no']}/cancel", {"reason": "no"})).status_code == 200
    done = await buyer.becomes(return_id, "completed")
    assert (done["exchange"]["status"], await buyer.retained_minor(order_no, new["order_no"])) == ("fell_back", 0)


async def test_a_gift_is_exchanged_for_the_same_again(buyer: Buyer) -> None:
    gift = unique("GIFT")
    await buyer.office.stage.stock(gift, 5, price_minor=0)
    order_no = await buyer.buys(gift)
    return_id = await buyer.asks(order_no, gift, reason_code="damaged_on_arrival")
    await buyer.sends_back(return_id, gift, condition="damaged")
    await buyer.gets((await buyer.new_order(return_id))["order_no"])
    await buyer.becomes(return_id, "completed")
