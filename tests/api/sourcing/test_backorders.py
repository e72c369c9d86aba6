"""An order that ships what is there: placed over HTTP, its missing part promised, and chosen about when that slips."""

from datetime import timedelta
from typing import Any

import pytest

from activities.stock.planned_parts import PlannedPartActivities
from infra.db.stock import backorders
from tests.api.conftest import ApiClient, an_order
from tests.api.sourcing.test_late_promises import TODAY, announced, purchase, reserve
from tests.factories.order_changes import HOUSE, change, lines, paid, stocked
from workers.relay.late_promises import LatePromises
from workflows import payloads as m


async def partly(shop: ApiClient, sku: str, quantity: int = 3) -> str:
    """An order of which one piece is there; customer c-17 has paid it."""
    order: dict[str, Any] = an_order(sku, quantity) | {"backorder": True, "ship_complete": False, "payment": None}
    number = str((await shop.as_("customer", "c-17").post("/v1/orders", order)).json()["order_no"])
    await reserve(shop, number)
    await paid(shop, number)
    return number


async def order_of(shop: ApiClient, number: str) -> dict[str, Any]:
    found: dict[str, Any] = (await shop.get(f"/v1/orders/{number}")).json()
    return found


async def choose(shop: ApiClient, number: str, choice: str, **more: Any) -> Any:
    return await shop.as_("customer", "c-17").post(f"/v1/orders/{number}/backorder", {"choice": choice} | more)


async def slipped(shop: ApiClient, sku: str, number: str, relay: LatePromises) -> None:
    """Its missing part was promised, and is promised for a later day now."""
    bought = await purchase(shop, sku, days=5)
    await relay.step()
    await shop.sql("UPDATE purchase_orders SET expected_on = expected_on + 10 WHERE number = %s", bought)
    await relay.step()
    assert len(await announced(shop, number)) == 2


def relay_of(shop: ApiClient, **changes: Any) -> LatePromises:
    services = shop.app.state.services
    return LatePromises(services.database, services.settings.model_copy(update=changes))


async def test_the_customer_sees_what_comes_now_and_what_later(shop: ApiClient) -> None:
    sku = await stocked(shop, units=1)
    number = await partly(shop, sku)
    order = await order_of(shop, number)
    assert (order["backorder"], order["ship_complete"], order["backorder_choice"]) == (True, False, None)
    now, later = order["fulfilments"]
    assert (now["status"], now["lines"][0]["quantity"]) == ("reserved", 1)
    assert (later["status"], later["lines"][0]["quantity"], later["promised_to"]) == ("planned", 2, None)
    assert "cancel_backorder" in order["allowed_actions"] and "wait_for_stock" not in order["allowed_actions"]
    relay = relay_of(shop)
    await purchase(shop, sku, days=5)
    await relay.step()
    promised = (await order_of(shop, number))["fulfilments"][1]["promised_to"]
    assert f"{TODAY + timedelta(days=6)}" <= promised[:10] <= f"{TODAY + timedelta(days=9)}"
    assert (await order_of(shop, number))["backorder_choice"] is None


async def test_to_ship_what_is_there_the_order_must_be_allowed_to_wait(shop: ApiClient) -> None:
    sku = await stocked(shop, units=1)
    answer = await shop.post("/v1/orders", an_order(sku, 3) | {"ship_complete": False})
    assert (answer.status_code, answer.json()["code"]) == (422, "backorder_required")


async def test_units_that_a_planned_part_waits_for_are_not_promised_again(shop: ApiClient) -> None:
    sku = await stocked(shop, units=1)
    await partly(shop, sku)
    async with shop.app.state.services.database.begin() as conn:
        assert await backorders.waiting_units(conn, [sku]) == {sku: 2}


async def test_a_date_that_slips_is_a_question_which_the_customer_answers_once(shop: ApiClient) -> None:
    sku = await stocked(shop, units=1)
    number = await partly(shop, sku)
    await slipped(shop, sku, number, relay_of(shop))
    order = await order_of(shop, number)
    asked = order["backorder_choice"]
    assert (asked["fulfilment_no"], asked["slips"]) == (2, 1)
    assert asked["promised_from"] < asked["promised_to"] == order["fulfilments"][1]["promised_to"]
    assert "wait_for_stock" in order["allowed_actions"]
    answer = await choose(shop, number, "wait")
    assert answer.status_code == 200, answer.text
    assert answer.json()["refund_minor"] == 0
    order = await order_of(shop, number)
    assert order["backorder_choice"] is None and "cancel_backorder" in order["allowed_actions"]
    assert order["fulfilments"][1]["status"] == "planned"


async def test_a_cancelled_part_gives_back_its_own_money(shop: ApiClient) -> None:
    sku = await stocked(shop, units=1)
    number = await partly(shop, sku)
    total = (await order_of(shop, number))["total_minor"]
    seen = await shop.as_("customer", "c-17").post(f"/v1/orders/{number}/backorder?preview=true", {"choice": "cancel"})
    assert seen.json()["refund_minor"] == total * 2 // 3 and seen.json()["order_goes_on"]
    assert (await order_of(shop, number))["fulfilments"][1]["status"] == "planned"
    answer = await choose(shop, number, "cancel")
    assert answer.json() == seen.json()
    order = await order_of(shop, number)
    assert [part["status"] for part in order["fulfilments"]] == ["reserved", "cancelled"]
    assert [refund["amount_minor"] for refund in order["refunds"]] == [total * 2 // 3]
    again = await choose(shop, number, "cancel")
    assert (again.status_code, again.json()["code"]) == (409, "no_backorder")


@pytest.mark.parametrize(("after", "status"), [(0, "planned"), (1, "cancelled"), (2, "planned")])
async def test_who_does_not_choose_in_time_gets_the_default(shop: ApiClient, after: int, status: str) -> None:
    sku = await stocked(shop, units=1)
    number = await partly(shop, sku)
    relay = relay_of(shop, backorder_cancel_after_slips=after)
    await slipped(shop, sku, number, relay)
    await shop.sql("UPDATE backorder_choices SET decide_by = now() - interval '1 second' WHERE order_no = %s", number)
    await relay.step()
    order = await order_of(shop, number)
    assert (order["backorder_choice"], order["fulfilments"][1]["status"]) == (None, status)
    made = await shop.sql("SELECT choice, chosen_by FROM backorder_choices WHERE order_no = %s", number)
    assert [tuple(row.values()) for row in made] == [("cancel" if status == "cancelled" else "wait", "system")]


async def test_who_was_asked_in_vain_is_not_asked_when_the_stock_comes_meanwhile(shop: ApiClient) -> None:
    sku = await stocked(shop, units=1)
    number = await partly(shop, sku)
    relay = relay_of(shop, backorder_cancel_after_slips=1)
    await slipped(shop, sku, number, relay)
    receipt = {"sku": sku, "quantity": 2, "reference": f"R-{number}"}
    assert (await shop.as_("warehouse").post("/v1/stock/receipts", receipt)).status_code == 201
    services = shop.app.state.services
    await PlannedPartActivities(services.database, services.settings).reserve_fulfilment(m.FulfilmentRef(number, 2))
    await shop.sql("UPDATE backorder_choices SET decide_by = now() - interval '1 second' WHERE order_no = %s", number)
    await relay.step()
    order = await order_of(shop, number)
    assert [part["status"] for part in order["fulfilments"]] == ["reserved", "reserved"]
    assert order["backorder_choice"] is None


async def test_an_order_that_waits_as_a_whole_is_asked_too(shop: ApiClient) -> None:
    sku = await stocked(shop, units=1)
    order = an_order(sku, 3) | {"backorder": True, "payment": None}
    number = str((await shop.as_("customer", "c-17").post("/v1/orders", order)).json()["order_no"])
    await reserve(shop, number)
    await slipped(shop, sku, number, relay_of(shop))
    asked = await order_of(shop, number)
    assert asked["backorder_choice"]["fulfilment_no"] is None and "wait_for_stock" in asked["allowed_actions"]
    answer = await choose(shop, number, "cancel")
    assert answer.status_code == 200 and not answer.json()["order_goes_on"]
    assert (await order_of(shop, number))["cancelling"] == "customer_request"


async def test_nobody_decides_about_what_does_not_wait_or_is_anothers(shop: ApiClient) -> None:
    sku = await stocked(shop, units=3)
    number = await partly(shop, sku)
    assert (await choose(shop, number, "wait")).json()["code"] == "no_backorder"
    stranger = await shop.as_("customer", "c-99").post(f"/v1/orders/{number}/backorder", {"choice": "wait"})
    assert stranger.status_code == 404
    wrong = await choose(shop, number, "substitute")
    assert wrong.status_code == 422


async def test_a_change_takes_missing_units_off_first_and_their_money_goes_back(shop: ApiClient) -> None:
    sku = await stocked(shop, units=1)
    number = await partly(shop, sku)
    assert (await change(shop, number, lines(**{sku: 2}))).status_code == 200
    order = await order_of(shop, number)
    found = [(part["status"], [line["quantity"] for line in part["lines"]]) for part in order["fulfilments"]]
    assert found == [("reserved", [1]), ("planned", [1])]
    assert len(order["refunds"]) == 1
    assert (await change(shop, number, lines(**{sku: 1}))).status_code == 200
    order = await order_of(shop, number)
    assert [part["status"] for part in order["fulfilments"]] == ["reserved", "cancelled"]
    held = await shop.sql("SELECT reserved FROM stock_levels WHERE sku = %s AND warehouse = %s", sku, HOUSE)
    assert [row["reserved"] for row in held] == [1]
