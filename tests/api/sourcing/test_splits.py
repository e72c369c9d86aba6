"""Splits are decided outside of any transaction; where another order was faster, they are decided again."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.orders import lifecycle
from activities.orders.lifecycle import OrderActivities
from domain.sourcing.deciding import decide
from domain.sourcing.decision import SourcingDecision
from domain.sourcing.profile import Profile
from domain.sourcing.request import SourcingRequest
from tests.api.conftest import ApiClient, unique
from tests.factories.order_changes import HOUSE, placed, stocked
from workflows import payloads as m


async def warehouse(shop: ApiClient, sku: str, units: int, **settings: Any) -> str:
    """A new warehouse with so many units of the product."""
    code, olga = unique("ZS"), shop.as_("operations", "olga")
    place = {"code": code, "name": code, "country": "CN", "province": "广东省", "city": "广州市", "priority": 900}
    assert (await olga.post("/v1/warehouses", place)).status_code == 201
    receipt = {"sku": sku, "quantity": units, "reference": unique("PO"), "warehouse": code}
    assert (await shop.as_("warehouse").post("/v1/stock/receipts", receipt)).status_code == 201
    answer = await olga.http.put(f"/v1/sourcing/warehouses/{code}", json=settings, headers=olga.headers)
    assert answer.status_code == 200, answer.text
    return code


async def reserve(shop: ApiClient, number: str) -> str:
    services = shop.app.state.services
    return (await OrderActivities(services.database, services.settings).reserve_stock(m.OrderRef(number))).status


async def parts(shop: ApiClient, number: str) -> dict[str, int]:
    rows = await shop.sql("SELECT warehouse, quantity FROM allocations WHERE order_no = %s", number)
    return {row["warehouse"]: row["quantity"] for row in rows}


def meanwhile(monkeypatch: pytest.MonkeyPatch, act: Callable[[int], Any]) -> list[SourcingDecision]:
    """While a split is decided, and before it is reserved, `act` happens; all decisions."""
    loop, made = asyncio.get_running_loop(), list[SourcingDecision]()

    def decided(request: SourcingRequest, profile: Profile) -> SourcingDecision:
        made.append(decide(request, profile))
        asyncio.run_coroutine_threadsafe(act(len(made)), loop).result(60)
        return made[-1]

    monkeypatch.setattr(lifecycle, "decide", decided)
    return made


async def take(shop: ApiClient, sku: str, code: str, units: int) -> None:
    await shop.sql(
        "INSERT INTO stock_movements (idempotency_key, kind, sku, warehouse, quantity, on_hand_delta, reserved_delta,"
        " actor, reference) VALUES (%s, 'adjustment', %s, %s, %s, %s, 0, 'test', 'test')",
        unique("k"), sku, code, -units, -units,
    )  # fmt: skip


async def test_an_order_that_loses_the_race_for_a_split_is_decided_again(
    shop: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    sku = await stocked(shop, units=1)
    houses = {await warehouse(shop, sku, 2), await warehouse(shop, sku, 2)}
    number = await placed(shop, sku)

    async def faster(turn: int) -> None:
        # Nothing of the order is locked while it is decided.
        await shop.sql("SELECT 1 FROM orders WHERE order_no = %s FOR UPDATE NOWAIT", number)
        if turn == 1:
            await take(shop, sku, made[0].warehouses[1], 2)

    made = meanwhile(monkeypatch, faster)
    assert await reserve(shop, number) == "pending_payment"
    lost, kept = (one.warehouses for one in made)
    assert (lost[0], kept[0], {lost[1], kept[1]}) == (HOUSE, HOUSE, houses)
    assert await parts(shop, number) == {HOUSE: 1, kept[1]: 2}
    stored = await shop.sql("SELECT decision FROM sourcing_decisions WHERE order_no = %s", number)
    assert [one["decision"] for one in stored] == [made[-1].fields(20)]


async def test_units_that_arrive_while_a_split_is_decided_are_found(
    shop: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    sku = await stocked(shop, units=1)
    other = await warehouse(shop, sku, 1)
    number = await placed(shop, sku, backorder=True)

    async def arrive(turn: int) -> None:
        if turn == 1:
            await take(shop, sku, other, -1)

    made = meanwhile(monkeypatch, arrive)
    assert await reserve(shop, number) == "pending_payment"
    assert [bool(one.unallocated) for one in made] == [True, False]


async def test_a_race_is_lost_a_limited_number_of_times(shop: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two units are always at the other warehouse; the step is then tried again later."""
    sku = await stocked(shop, units=1)
    houses = [await warehouse(shop, sku, 2), await warehouse(shop, sku, 1)]
    await take(shop, sku, houses[1], 1)
    number = await placed(shop, sku)

    async def away(turn: int) -> None:
        there, back = houses if turn % 2 else reversed(houses)
        await take(shop, sku, there, 2)
        await take(shop, sku, back, -2)

    made = meanwhile(monkeypatch, away)
    with pytest.raises(ApplicationError) as failed:
        await reserve(shop, number)
    assert failed.value.type == "stock_contended"
    assert len(made) == lifecycle.TRIES
    assert await parts(shop, number) == {}


async def test_a_split_keeps_buffer_capacity_and_cut_off_where_a_profile_excludes_every_warehouse(
    shop: ApiClient,
) -> None:
    # Far from midnight in one of the zones.
    zone = "UTC" if datetime.now(UTC).hour < 20 else "Asia/Shanghai"
    open_today: dict[str, Any] = {"cut_off": "23:59", "time_zone": zone}
    sku = await stocked(shop, units=1)
    olga = shop.as_("operations", "olga")
    kept = await warehouse(shop, sku, 9, **open_today, buffer=7)
    full = await warehouse(shop, sku, 9, **open_today, capacity=0)
    closed = await warehouse(shop, sku, 9, cut_off="00:00", time_zone=zone)
    other = await warehouse(shop, sku, 1, **open_today)
    criteria = [{"kind": "cut_off", "weight": 100, "exclude_below": 0.5}, {"kind": "priority", "weight": 1}]
    rates = [{"transit_from_days": 1, "transit_to_days": 2}] * 4
    body = {"name": "Today", "reason": "r", "strategies": [{"name": "Today", "criteria": criteria}], "rates": rates}
    version = (await olga.post("/v1/sourcing/profiles", body)).json()["version"]
    activation = {"reason": "r", "accept_excluded": True}
    assert (await olga.post(f"/v1/sourcing/profiles/{version}/activate", activation)).status_code == 200
    await olga.http.put(f"/v1/sourcing/warehouses/{HOUSE}", json={"capacity": 0}, headers=olga.headers)
    number = await placed(shop, sku)
    assert await reserve(shop, number) == "pending_payment"
    assert await parts(shop, number) == {kept: 2, other: 1}
    shown = (await shop.get(f"/v1/orders/{number}/sourcing")).json()
    out = {one["warehouse"]: one["excluded_by"] for one in shown["considered"]}
    assert (out[full], out[closed], shown["profile_version"]) == ("capacity", "cut_off", version)
