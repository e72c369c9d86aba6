"""The delivery slot of an order: said at placing, changed later, refused when it is none or too late."""

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from tests.api.conftest import ApiClient, an_order, unique
from tests.factories.order_changes import change, etag, lines, paid, parcel, placed, reserved, stocked

NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) + timedelta(days=3)


def slot(hours: float = 0, length: float = 3) -> dict[str, str]:
    begin = NOON + timedelta(hours=hours)
    return {"from": zulu(begin), "to": zulu(begin + timedelta(hours=length))}


def zulu(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


async def stored_slot(shop: ApiClient, number: str) -> Any:
    return (await shop.get(f"/v1/orders/{number}")).json()["delivery_slot"]


@pytest.mark.parametrize(
    "bad, code",
    [
        ("noon", "validation_failed"),
        ({"from": zulu(NOON)}, "validation_failed"),
        ({"from": None, "to": None}, "validation_failed"),
        ({**slot(), "zone": "x"}, "unknown_field"),
        ({"from": 1, "to": 2}, "validation_failed"),
        ({"from": "noon", "to": "one"}, "invalid_delivery_slot"),
        ({"from": slot()["from"].removesuffix("Z"), "to": slot()["to"]}, "invalid_delivery_slot"),
        (slot(length=0.5), "invalid_delivery_slot"),
        (slot(length=-3), "invalid_delivery_slot"),
        (slot(length=25), "invalid_delivery_slot"),
        (slot(hours=-24 * 7), "invalid_delivery_slot"),
        (slot(hours=24 * 90), "invalid_delivery_slot"),
        ({"from": "2026-03-01T09:00:00\x00", "to": slot()["to"]}, "invalid_text"),
    ],
)
async def test_what_is_no_slot_is_refused_and_nothing_is_written(shop: ApiClient, bad: Any, code: str) -> None:
    ref = unique("ref")
    answer = await shop.post("/v1/orders", an_order(external_ref=ref, delivery_slot=bad))
    assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
    assert await shop.sql("SELECT 1 FROM orders WHERE external_ref = %s", ref) == []
    number = await placed(shop, await stocked(shop), delivery_slot=slot())
    for preview in (True, False):
        refused = await change(shop, number, {"delivery_slot": bad}, preview=preview)
        assert (refused.status_code, refused.json()["code"]) == (422, code), refused.text
    assert await stored_slot(shop, number) == slot()


async def test_a_slot_is_said_at_placing_and_read_in_utc(shop: ApiClient) -> None:
    there = {
        name: datetime.fromisoformat(moment).astimezone().isoformat() for name, moment in slot().items()
    }  # fmt: skip
    number = await placed(shop, await stocked(shop), delivery_slot=there)
    assert await stored_slot(shop, number) == slot()
    plain = await placed(shop, await stocked(shop), delivery_slot=None)
    assert await stored_slot(shop, plain) is None


async def test_a_repeated_placement_is_answered_after_its_slot_is_over(
    shop: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, body = unique("key"), an_order(delivery_slot=slot())
    first = await shop.post("/v1/orders", body, key=key)
    assert first.status_code == 201, first.text
    late = type("Late", (), {"now": lambda _: NOON + timedelta(days=1)})
    monkeypatch.setattr("infra.db.orders.placing.placement.datetime", late)
    again = await shop.post("/v1/orders", body, key=key)
    assert (again.status_code, again.json()) == (201, first.json())
    assert (await shop.post("/v1/orders", body)).json()["code"] == "invalid_delivery_slot"


async def test_a_slot_is_changed_reported_and_taken_away(shop: ApiClient) -> None:
    number = await placed(shop, await stocked(shop), delivery_slot=slot())
    body = {"delivery_slot": slot(hours=24)}
    answer = await change(shop, number, body, preview=True)
    assert answer.json()["changes"] == [{"what": "delivery_slot", "before": slot(), "after": slot(hours=24)}]
    assert await stored_slot(shop, number) == slot()
    assert (await change(shop, number, body)).json() == answer.json()
    assert await stored_slot(shop, number) == slot(hours=24)
    same = await change(shop, number, body)
    assert same.json()["changes"] == []
    gone = await change(shop, number, {"delivery_slot": None})
    assert gone.json()["changes"] == [{"what": "delivery_slot", "before": slot(hours=24), "after": None}]
    assert await stored_slot(shop, number) is None
    rows = await shop.sql("SELECT what, before_enc IS NULL AS bare FROM order_changes WHERE order_no = %s", number)
    assert rows == [{"what": ["delivery_slot"], "bare": False}] * 2
    (order,) = await shop.sql("SELECT address_rev FROM orders WHERE order_no = %s", number)
    assert order["address_rev"] == 2  # the carrier is notified again


async def test_a_stale_tag_and_a_label_keep_the_slot(shop: ApiClient) -> None:
    number = await placed(shop, await stocked(shop), delivery_slot=slot())
    stale = await etag(shop, number)
    await reserved(shop, number)
    late = await change(shop, number, {"delivery_slot": None}, tag=stale)
    assert (late.status_code, late.json()["code"]) == (412, "order_changed")
    await paid(shop, number)
    assert "change_delivery_slot" in (await shop.get(f"/v1/orders/{number}")).json()["allowed_actions"]
    await parcel(shop, number)
    late = await change(shop, number, {"delivery_slot": None})
    assert (late.status_code, late.json()["code"]) == (409, "label_printed")
    assert "delivery slot" in late.json()["detail"]
    assert "change_delivery_slot" not in (await shop.get(f"/v1/orders/{number}")).json()["allowed_actions"]
    assert await stored_slot(shop, number) == slot()


async def test_the_database_keeps_half_a_slot_and_a_late_change_out(shop: ApiClient) -> None:
    sku = await stocked(shop)
    number = await placed(shop, sku, delivery_slot=slot())
    for bad in ("slot_to = NULL", "slot_to = slot_from", "slot_to = slot_from + interval '2 days'"):
        with pytest.raises(psycopg.errors.CheckViolation):
            await shop.sql(f"UPDATE orders SET {bad} WHERE order_no = %s", number)
    await reserved(shop, number)
    await paid(shop, number)
    await parcel(shop, number)
    with pytest.raises(psycopg.Error, match="too_late_to_change"):
        await shop.sql(
            "INSERT INTO order_changes (order_no, change_no, what, seq, actor, total_before_minor, total_after_minor) "
            "SELECT order_no, 1, ARRAY['delivery_slot'], 1, 'x', total_minor, total_minor FROM orders "
            "WHERE order_no = %s",
            number,
        )


async def test_a_slot_and_other_goods_are_one_change(shop: ApiClient) -> None:
    sku = await stocked(shop)
    number = await placed(shop, sku, 3)
    answer = await change(shop, number, {"delivery_slot": slot(), **lines(**{sku: 2})})
    assert [one["what"] for one in answer.json()["changes"]] == ["lines", "delivery_slot"]
    assert await stored_slot(shop, number) == slot()
