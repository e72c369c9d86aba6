"""Refunds over HTTP while Temporal is away: decided, refused, previewed, followed."""

import asyncio
import secrets
from typing import Any

import pytest

from tests.api.conftest import ApiClient, an_order, open_api, unique
from tests.conftest import DatabaseUrls


async def paid(shop: ApiClient, lines: list[dict[str, Any]] | None = None, **changed: Any) -> str:
    """An order whose total was captured."""
    order = an_order(lines=lines or [{"sku": "TEA-1", "quantity": 2}], **changed)
    placed = await shop.post("/v1/orders", order)
    assert placed.status_code == 201, placed.text
    order_no = str(placed.json()["order_no"])
    await capture(shop, order_no)
    return order_no


async def capture(shop: ApiClient, order_no: str) -> None:
    await shop.sql(
        "INSERT INTO payments (order_no, kind, attempt, provider, amount_minor, currency, status, idempotency_key, "
        "provider_ref) SELECT order_no, 'capture', 1, 'sandbox', total_minor, currency, 'succeeded', %s, %s "
        "FROM orders WHERE order_no = %s", secrets.token_hex(8), secrets.token_hex(8), order_no)  # fmt: skip


async def refund(api: ApiClient, order_no: str, preview: bool = False, key: str | None = None, **body: Any) -> Any:
    path = f"/v1/orders/{order_no}/refunds" + ("?preview=true" if preview else "")
    return await api.post(path, {"reason": "late", **body}, key=key)


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_a_refund_is_answered_at_once_and_wakes_the_order(shop: ApiClient) -> None:
    order_no = await paid(shop)
    key = unique("key")
    first, again = [await refund(shop, order_no, amount_minor=500, key=key) for _ in range(2)]
    assert first.status_code == 201, first.text
    assert first.json() == again.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    found = first.json()
    assert (found["amount_minor"], found["status"], found["left_minor"]) == (500, "approved", 8000)
    woken = await shop.sql(
        "SELECT name, payload FROM workflow_requests WHERE subject = %s AND kind = 'signal_order'", order_no
    )
    assert woken == [{"name": "after_sales", "payload": {"refund_id": found["refund_id"]}}]
    trail = await shop.sql("SELECT actor FROM audit_log WHERE order_no = %s AND action = 'refund_opened'", order_no)
    assert trail == [{"actor": "support:amy"}]


async def test_the_preview_says_what_it_means_and_changes_nothing(shop: ApiClient) -> None:
    order_no = await paid(shop)
    before = await shop.row_counts()
    answer = await refund(shop, order_no, preview=True, lines=[{"sku": "TEA-1", "quantity": 1}])
    assert answer.status_code == 200, answer.text
    assert answer.json() == {
        "order_no": order_no,
        "consequence": {
            "amount_minor": 4250,
            "goods_minor": 4250,
            "shipping_minor": 0,
            "currency": "CNY",
            "left_minor": 4250,
            "needs_approval": False,
            "given_minor": 0,
            "on_returns": [],
            "lines": [
                {"line_no": 1, "sku": "TEA-1", "quantity": 1, "amount_minor": 4250, "shipping_minor": 0},
            ],
        },
    }
    assert await shop.row_counts() == before
    assert code(await refund(shop, order_no, preview=True, amount_minor=8501)) == (409, "refund_exceeds_captured")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"amount_minor": 0}, (422, "amount_invalid")),
        ({"amount_minor": -5}, (422, "amount_invalid")),
        ({"amount_minor": 1.5}, (422, "amount_invalid")),
        ({"amount_minor": 10**18}, (422, "amount_invalid")),
        ({"amount_minor": "5"}, (422, "amount_invalid")),
        ({"amount_minor": 8501}, (409, "refund_exceeds_captured")),
        ({"amount_minor": 1, "currency": "USD"}, (422, "currency_mismatch")),
        ({"amount_minor": 1, "lines": [{"sku": "TEA-1", "quantity": 1}]}, (422, "amount_or_lines")),
        ({}, (422, "amount_or_lines")),
        ({"lines": []}, (422, "amount_or_lines")),
        ({"lines": [{"sku": "TEA-2", "quantity": 1}]}, (422, "unknown_line")),
        ({"lines": [{"sku": "TEA-1", "quantity": 3}]}, (409, "refund_exceeds_captured")),
        (
            {"lines": [{"sku": "TEA-1", "quantity": 2}, {"sku": "TEA-1", "quantity": 1}]},
            (409, "refund_exceeds_captured"),
        ),
        ({"lines": [{"sku": "TEA-1", "quantity": 0}]}, (422, "invalid_quantity")),
        ({"amount_minor": 1, "reason": ""}, (422, "validation_failed")),
        ({"amount_minor": 1, "to": "me"}, (422, "unknown_field")),
    ],
)
async def test_what_cannot_be_refunded_leaves_nothing(
    shop: ApiClient, body: dict[str, Any], expected: tuple[int, str]
) -> None:
    order_no = await paid(shop)
    before = await shop.row_counts()
    answer = await refund(shop, order_no, **body)
    assert code(answer) == expected, answer.text
    assert await shop.row_counts() == before


async def test_an_order_without_money_or_being_cancelled_is_not_refunded(shop: ApiClient) -> None:
    placed = (await shop.post("/v1/orders", an_order())).json()["order_no"]
    assert code(await refund(shop, placed, amount_minor=1)) == (409, "nothing_captured")
    order_no = await paid(shop)
    await shop.sql("UPDATE orders SET cancelling = 'support_request' WHERE order_no = %s", order_no)
    assert code(await refund(shop, order_no, amount_minor=1)) == (409, "order_closed")


async def test_two_at_once_for_the_last_amount_make_one(shop: ApiClient) -> None:
    order_no = await paid(shop)
    answers = await asyncio.gather(*(refund(shop, order_no, amount_minor=8500) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"refund_exceeds_captured"}


async def test_who_may_follow_a_refund_sees_what_is_theirs(shop: ApiClient) -> None:
    order_no = await paid(shop)
    refund_id = (await refund(shop, order_no, lines=[{"sku": "TEA-1", "quantity": 1}])).json()["refund_id"]
    staff = (await shop.get(f"/v1/refunds/{refund_id}")).json()
    assert (staff["reason"], staff["asked_by"], staff["parts"][0]["amount_minor"]) == ("late", "support:amy", 4250)
    owner = shop.as_("customer", "c-17")
    mine = (await owner.get(f"/v1/refunds/{refund_id}")).json()
    assert mine["status"] == "approved"
    assert not {"reason", "asked_by", "approval_id", "parts"} & set(mine)
    listed = (await owner.get(f"/v1/orders/{order_no}/refunds")).json()["items"]
    assert [one["refund_id"] for one in listed] == [refund_id]
    other = shop.as_("customer", "c-18")
    assert code(await other.get(f"/v1/refunds/{refund_id}")) == (404, "refund_not_found")
    assert code(await other.get(f"/v1/orders/{order_no}/refunds")) == (404, "order_not_found")
    for unknown in ("rf_none", "x", "rf_" + "a" * 80):
        assert code(await shop.get(f"/v1/refunds/{unknown}")) == (404, "refund_not_found")


async def test_the_order_shows_its_refunds_and_whether_more_may_be_refunded(shop: ApiClient) -> None:
    order_no = await paid(shop)
    assert "refund" in (await shop.get(f"/v1/orders/{order_no}")).json()["allowed_actions"]
    assert "refund" not in (await shop.as_("customer", "c-17").get(f"/v1/orders/{order_no}")).json()["allowed_actions"]
    await refund(shop, order_no, lines=[{"sku": "TEA-1", "quantity": 1}])
    order = (await shop.get(f"/v1/orders/{order_no}")).json()
    (line,) = order["lines"]
    assert (line["paid_minor"], line["refunded_minor"], line["refunded_quantity"]) == (8500, 4250, 1)
    assert [(one["refund_no"], one["amount_minor"], one["status"]) for one in order["refunds"]] == [
        (1, 4250, "approved")
    ]
    await refund(shop, order_no, amount_minor=4250)
    assert "refund" not in (await shop.get(f"/v1/orders/{order_no}")).json()["allowed_actions"]


async def test_a_dear_refund_waits_holds_its_room_and_is_decided_by_another(shop: ApiClient) -> None:
    order_no = await paid(shop, [{"sku": "TEA-1", "quantity": 100}])
    waiting = (await refund(shop, order_no, amount_minor=100_001)).json()
    assert waiting["status"] == "awaiting_approval"
    assert code(await refund(shop, order_no, amount_minor=425_000 - 100_000)) == (409, "refund_exceeds_captured")
    path = f"/v1/support/approvals/{waiting['approval_id']}"
    listed = (await shop.get("/v1/support/approvals")).json()["items"]
    mine = next(one for one in listed if one["approval_id"] == waiting["approval_id"])
    assert (mine["kind"], mine["amount_minor"], mine["reason"]) == ("refund", 100_001, "late")
    assert code(await shop.post(f"{path}/approve", {"reason": "me"})) == (403, "second_person_needed")
    finance = shop.as_("finance", "ben")
    key = unique("key")
    yes, again = [await finance.post(f"{path}/approve", {"reason": "right"}, key=key) for _ in range(2)]
    assert yes.status_code == 200, yes.text
    assert yes.json() == again.json()
    assert (await shop.get(f"/v1/refunds/{waiting['refund_id']}")).json()["status"] == "approved"
    assert code(await finance.post(f"{path}/refuse", {"reason": "no"})) == (409, "approval_decided")
    trail = await shop.sql(
        "SELECT actor, action FROM audit_log WHERE order_no = %s AND action ~ 'refund|approval' ORDER BY entry_id",
        order_no,
    )
    assert [(row["actor"], row["action"]) for row in trail] == [
        ("support:amy", "approval_asked"),
        ("support:amy", "refund_opened"),
        ("finance:ben", "approval_approved"),
        ("finance:ben", "refund_approved"),
    ]


async def test_refused_or_undecided_it_gives_its_room_back(shop: ApiClient) -> None:
    order_no = await paid(shop, [{"sku": "TEA-1", "quantity": 100}])
    first, second = [(await refund(shop, order_no, amount_minor=212_500)).json() for _ in range(2)]
    assert second["left_minor"] == 0
    finance = shop.as_("finance", "ben")
    refused = await finance.post(f"/v1/support/approvals/{first['approval_id']}/refuse", {"reason": "no"})
    assert refused.status_code == 200, refused.text
    await shop.sql("UPDATE approvals SET expires_at = now() WHERE approval_id = %s", second["approval_id"])
    third = (await refund(shop, order_no, lines=[{"sku": "TEA-1", "quantity": 100}])).json()
    assert (third["amount_minor"], third["status"]) == (425_000, "awaiting_approval")
    states = (await shop.get(f"/v1/orders/{order_no}/refunds")).json()["items"]
    assert [one["status"] for one in states] == ["refused", "refused", "awaiting_approval"]
    late = await finance.post(f"/v1/support/approvals/{second['approval_id']}/approve", {"reason": "late"})
    assert code(late) == (409, "approval_lapsed")


async def test_what_a_cancellation_overtook_is_approved_no_more_and_may_be_refused(shop: ApiClient) -> None:
    order_no = await paid(shop, [{"sku": "TEA-1", "quantity": 100}])
    waiting = (await refund(shop, order_no, amount_minor=200_000)).json()
    await shop.sql("UPDATE orders SET cancelling = 'support_request' WHERE order_no = %s", order_no)
    await shop.sql("UPDATE refunds SET status = 'overtaken' WHERE refund_id = %s", waiting["refund_id"])
    finance, path = shop.as_("finance", "ben"), f"/v1/support/approvals/{waiting['approval_id']}"
    assert code(await finance.post(f"{path}/approve", {"reason": "right"})) == (409, "refund_closed")
    refused = await finance.post(f"{path}/refuse", {"reason": "cancelled anyway"})
    assert (refused.status_code, refused.json()["decision"]) == (200, "refused")
    assert (await shop.get(f"/v1/refunds/{waiting['refund_id']}")).json()["status"] == "overtaken"


async def test_a_channel_names_discount_and_shipping_and_the_shares_come_back_to_the_cent(shop: ApiClient) -> None:
    channel = shop.as_("channel", "web")
    lines = [{"sku": "TEA-1", "quantity": 3, "unit_price_minor": 333}, {"sku": "TEA-2", "quantity": 1}]
    named = {"discount_minor": 100, "shipping_minor": 50}
    placed = await channel.post("/v1/orders", an_order(lines=lines, **named))
    assert placed.status_code == 201, placed.text
    order_no, total = placed.json()["order_no"], placed.json()["total_minor"]
    assert total == 999 + 1000 - 100 + 50
    order = (await shop.get(f"/v1/orders/{order_no}")).json()
    sums = [order[name] for name in ("items_minor", "discount_minor", "shipping_minor", "tax_minor", "total_minor")]
    assert sums == [1999, 100, 50, 0, total]
    assert [line["paid_minor"] for line in order["lines"]] == [999 - 50 + 25, 1000 - 50 + 25]
    await capture(shop, order_no)
    given = 0
    for sku in ("TEA-1", "TEA-2", "TEA-1", "TEA-1"):
        one = await refund(shop, order_no, lines=[{"sku": sku, "quantity": 1}], include_shipping=True)
        assert one.status_code == 201, one.text
        given += one.json()["amount_minor"]
    assert (given, one.json()["left_minor"]) == (total, 0)


@pytest.mark.parametrize("named", [{"discount_minor": 1}, {"shipping_minor": 0}])
async def test_only_a_channel_names_them(shop: ApiClient, named: dict[str, int]) -> None:
    for caller in (shop, shop.as_("customer", "c-17")):
        assert code(await caller.post("/v1/orders", an_order(**named))) == (422, "price_not_accepted")
    channel = shop.as_("channel", "web")
    assert code(await channel.post("/v1/orders", an_order(discount_minor=8501))) == (422, "discount_too_large")


@pytest.mark.parametrize(("included", "total"), [(True, 9500), (False, 10_605)])
async def test_the_shops_terms_are_written_into_the_order(
    database_url: DatabaseUrls, shop: ApiClient, included: bool, total: int
) -> None:
    terms = {
        "shipping_fee_minor": 1000,
        "free_shipping_from_minor": 9000,
        "tax_rate_bp": 1300,
        "tax_included": included,
    }
    async with open_api(database_url, **terms) as opened:
        api = opened.as_("support", "amy")
        placed = (await api.post("/v1/orders", an_order())).json()
        assert placed["total_minor"] == total
        order = (await api.get(f"/v1/orders/{placed['order_no']}")).json()
        assert (order["shipping_minor"], order["tax_minor"]) == (1000, 978 if included else 1105)
        assert sum(line["paid_minor"] for line in order["lines"]) == total
        free = (await api.post("/v1/orders", an_order(quantity=3))).json()
        assert (await api.get(f"/v1/orders/{free['order_no']}")).json()["shipping_minor"] == 0
