"""One action on many orders: the preview, the job, and what is refused."""

from typing import Any

import pytest

from domain.orders.bulk_actions import MAX_ORDERS
from tests.api.conftest import ApiClient, an_order, unique
from tests.api.payments.test_refunds import capture, paid
from tests.factories.split_orders import split


async def placed(shop: ApiClient) -> str:
    return str((await shop.post("/v1/orders", an_order())).json()["order_no"])


def hold(*orders: str, **changed: Any) -> dict[str, Any]:
    return {"action": "hold", "order_nos": list(orders), "reason": "to be looked at", "kind": "manual", **changed}


async def test_the_preview_says_which_orders_fit_and_why_others_do_not(shop: ApiClient) -> None:
    support = shop.as_("support", unique("amy"))
    free, held = await placed(shop), await placed(shop)
    assert (await support.post(f"/v1/orders/{held}/holds", {"kind": "manual", "reason": "x"})).status_code == 201
    answer = await support.post("/v1/orders/bulk/preview", hold(free, held, free, "0F9C9T-3J0000-00000X"))
    unknown = "0F9C9T3J000000000X"
    assert answer.json()["fits"] == [free]
    assert [row["code"] for row in answer.json()["unfit"]] == ["already_held", "order_not_found"], unknown
    holds = await shop.sql("SELECT count(*) AS n FROM holds WHERE order_no = %s", free)
    assert holds[0]["n"] == 0


async def test_a_cancellation_leaves_out_split_orders_of_which_a_part_has_left(shop: ApiClient) -> None:
    support = shop.as_("support", unique("amy"))
    left, arrived = await split(shop, "shipped", "reserved"), await split(shop, "booked", "delivered")
    whole, lost = await split(shop, "booked", "reserved"), await split(shop, "failed", "booked")
    body = {"action": "cancel", "order_nos": [left, arrived, whole, lost], "reason": "x"}
    answer = (await support.post("/v1/orders/bulk/preview", body)).json()
    assert answer["fits"] == [whole, lost]
    assert answer["unfit"] == [{"order_no": one, "code": "parcel_on_its_way"} for one in (left, arrived)]


async def test_a_job_pressed_twice_is_one_job_over_the_orders_that_fit(shop: ApiClient) -> None:
    support, key = shop.as_("support", unique("amy")), unique("key")
    free, held = await placed(shop), await placed(shop)
    await support.post(f"/v1/orders/{held}/holds", {"kind": "manual", "reason": "x"})
    first, second = [await support.post("/v1/orders/bulk", hold(free, held), key=key) for _ in range(2)]
    assert (first.status_code, first.json()["total"]) == (202, 1)
    assert first.json() == second.json()
    job_id = first.json()["job_id"]
    job = (await support.get(f"/v1/orders/bulk/{job_id}")).json()
    assert (job["state"], job["action"], job["orders"]) == (
        "running",
        "hold",
        [{"order_no": free, "state": "open", "error": None}],
    )
    requests = await shop.sql("SELECT count(*) AS n FROM workflow_requests WHERE subject = %s", job_id)
    entries = await shop.sql("SELECT action, actor FROM audit_log WHERE reference = %s", job_id)
    assert requests[0]["n"] == 1 and [entry["action"] for entry in entries] == ["bulk_hold"]
    stored = await shop.sql("SELECT to_jsonb(j)::text AS row FROM support_jobs j WHERE job_id = %s", job_id)
    assert "to be looked at" not in stored[0]["row"]


async def test_a_job_of_no_order_is_finished(shop: ApiClient) -> None:
    support = shop.as_("support", unique("amy"))
    order_no = await placed(shop)
    body = {"action": "release", "order_nos": [order_no], "reason": "x"}
    answer = (await support.post("/v1/orders/bulk", body)).json()
    assert (answer["total"], answer["unfit"]) == (0, [{"order_no": order_no, "code": "not_held"}])
    assert (await support.get(f"/v1/orders/bulk/{answer['job_id']}")).json()["state"] == "finished"


@pytest.mark.parametrize(
    ("role", "action", "status"),
    [
        ("warehouse", "cancel", 403),
        ("finance", "prioritise", 403),
        ("warehouse", "hold", 202),
        ("operations", "prioritise", 202),
        ("customer", "hold", 403),
    ],
)
async def test_who_may_not_do_it_to_one_order_may_not_do_it_to_many(
    shop: ApiClient, role: str, action: str, status: int
) -> None:
    more = {"kind": "manual"} if action == "hold" else {"priority": "vip"} if action == "prioritise" else {}
    body = {"action": action, "order_nos": [await placed(shop)], "reason": "x", **more}
    answer = await shop.as_(role, unique(role)).post("/v1/orders/bulk", body)
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize(
    "changed",
    [
        {"order_nos": []},
        {"order_nos": ["x"] * (MAX_ORDERS + 1)},
        {"kind": None},
        {"action": "prioritise"},
        {"action": "delete"},
        {"reason": " "},
    ],
)
async def test_a_bulk_action_that_cannot_be_is_refused(shop: ApiClient, changed: dict[str, Any]) -> None:
    answer = await shop.as_("support").post("/v1/orders/bulk", hold("0F9C9T3J000000000X", **changed))
    assert answer.status_code == 422, answer.text


async def test_a_job_is_seen_by_who_opened_it_by_support_and_by_operations(shop: ApiClient) -> None:
    finance = shop.as_("finance", unique("fay"))
    job_id = (await finance.post("/v1/orders/bulk", hold(await placed(shop)))).json()["job_id"]
    codes = {}
    for caller in (finance, shop.as_("support", unique("x")), shop.as_("warehouse", unique("x"))):
        codes[caller.headers["Authorization"]] = (await caller.get(f"/v1/orders/bulk/{job_id}")).status_code
    assert list(codes.values()) == [200, 200, 403]


async def expensive(shop: ApiClient) -> str:
    """An order that is paid with more than half of what one person may refund at once."""
    return await paid(shop, [{"sku": "TEA-1", "quantity": 15}])


def cancel(*orders: str) -> dict[str, Any]:
    return {"action": "cancel", "order_nos": list(orders), "reason": "the supplier is gone"}


async def test_cancelling_many_that_returns_much_money_waits_for_another_person(shop: ApiClient) -> None:
    name, orders = unique("amy"), [await expensive(shop) for _ in range(2)]
    amy = shop.as_("support", name)
    preview = (await amy.post("/v1/orders/bulk/preview", cancel(*orders))).json()
    assert preview["needs_approval"] and preview["returns"] == [{"currency": "CNY", "amount_minor": 127_500}]
    key = unique("key")
    first, second = [(await amy.post("/v1/orders/bulk", cancel(*orders), key=key)).json() for _ in range(2)]
    assert first == second and (first["total"], first["waiting"]) == (0, 2)
    path = f"/v1/orders/bulk/{first['job_id']}"
    assert (await amy.get(path)).status_code == 404
    assert not await shop.sql("SELECT FROM support_jobs WHERE job_id = %s", first["job_id"])

    approve = f"/v1/support/approvals/{first['approval_id']}/approve"
    own = await shop.as_("finance", name).post(approve, {"reason": "fine"})
    assert (own.status_code, own.json()["code"]) == (403, "second_person_needed")
    done = await shop.as_("finance", unique("ben")).post(approve, {"reason": "seen"})
    assert done.status_code == 200, done.text
    job = (await amy.get(path)).json()
    assert (job["action"], job["state"], job["total"]) == ("cancel", "running", 2)
    assert job["actor"] == f"support:{name}", "in the name of who asked"
    (stored,) = await shop.sql("SELECT approval_id FROM support_jobs WHERE job_id = %s", first["job_id"])
    assert stored["approval_id"] == first["approval_id"]


async def test_a_small_sum_and_a_single_order_need_nobody_else(shop: ApiClient) -> None:
    amy = shop.as_("support", unique("amy"))
    small, one = [await paid(shop) for _ in range(2)], await paid(shop, [{"sku": "TEA-1", "quantity": 100}])
    for orders in (small, [one]):
        preview = (await amy.post("/v1/orders/bulk/preview", cancel(*orders))).json()
        assert not preview["needs_approval"] and preview["returns"]
        assert "approval_id" not in (await amy.post("/v1/orders/bulk", cancel(*orders))).json()
    held = (await amy.post("/v1/orders/bulk/preview", hold(*[await expensive(shop) for _ in range(2)]))).json()
    assert (held["returns"], held["needs_approval"]) == ([], False)


async def test_small_cancellations_of_one_hour_are_added_up(shop: ApiClient) -> None:
    name = unique("amy")
    amy, orders = shop.as_("support", name), [[await expensive(shop), await paid(shop)] for _ in range(3)]
    first = (await amy.post("/v1/orders/bulk", cancel(*orders[0]))).json()
    assert first["total"] == 2 and not first.get("approval_id")
    assert (await amy.post("/v1/orders/bulk/preview", cancel(*orders[1]))).json()["needs_approval"]
    same = await shop.as_("admin", name).post("/v1/orders/bulk", cancel(*orders[1]))
    assert same.json()["approval_id"], "the same person in another role"
    other = await shop.as_("support", unique("ben")).post("/v1/orders/bulk", cancel(*orders[2]))
    assert not other.json().get("approval_id"), "another person"
    await shop.sql(
        "UPDATE support_jobs SET created_at = now() - interval '61 minutes' WHERE job_id = %s", first["job_id"]
    )
    assert not (await amy.post("/v1/orders/bulk/preview", cancel(*orders[1]))).json()["needs_approval"]


async def test_more_money_than_was_agreed_to_is_not_returned(shop: ApiClient) -> None:
    amy, orders = shop.as_("support", unique("amy")), [await expensive(shop) for _ in range(2)]
    later = str((await shop.post("/v1/orders", an_order(lines=[{"sku": "TEA-1", "quantity": 3}]))).json()["order_no"])
    asked = (await amy.post("/v1/orders/bulk", cancel(*orders, later))).json()
    await capture(shop, later)
    ben = shop.as_("finance", unique("ben"))
    refused = await ben.post(f"/v1/support/approvals/{asked['approval_id']}/approve", {"reason": "seen"})
    assert (refused.status_code, refused.json()["code"]) == (409, "amount_differs")
    assert not await shop.sql("SELECT FROM support_jobs WHERE job_id = %s", asked["job_id"])
    (asked,) = await shop.sql("SELECT decision FROM approvals WHERE approval_id = %s", asked["approval_id"])
    assert asked["decision"] is None
