"""Calls that need the workflow: what the database refuses on its own, and what happens while Temporal is down."""

import json

import pytest

from tests.api.conftest import ApiClient, an_order, unique
from tests.api.orders.test_listing import move


async def placed(shop: ApiClient) -> str:
    return str((await shop.post("/v1/orders", an_order())).json()["order_no"])


async def park(
    shop: ApiClient, number: str, step: str = "book", options: str = "{retry,skip,amend,compensate}"
) -> None:
    await shop.sql(
        "INSERT INTO parked_steps (order_no, park_no, step, error, provider, attempts, options, amount_minor,"
        " escalate_at) VALUES (%s, 1, %s, 'timeout', 'sandbox', 5, %s, 1, now())",
        *(number, step, options),
    )


async def captured(shop: ApiClient, number: str, status: str = "succeeded", kind: str = "capture") -> None:
    await shop.sql(
        "INSERT INTO payments (order_no, kind, attempt, provider, amount_minor, currency, status, idempotency_key,"
        " provider_ref) VALUES (%s, %s, 1, 'sandbox', 8500, 'CNY', %s, %s, %s)",
        *(number, kind, status, f"{number}:{kind}:1", f"ref-{number}"),
    )


async def test_cancel_while_temporal_is_down_lets_the_key_ask_again(shop: ApiClient) -> None:
    number = await placed(shop)
    for _ in range(2):
        response = await shop.post(f"/v1/orders/{number}/cancel", {"reason": "changed my mind"}, key="down-1")
        assert (response.status_code, response.json()["code"]) == (503, "workflow_unavailable")
        assert int(response.headers["retry-after"]) >= 1
    (order,) = await shop.sql("SELECT cancelling, event_seq FROM orders WHERE order_no = %s", number)
    assert order == {"cancelling": None, "event_seq": 1}


async def test_cancel_that_was_accepted_without_an_answer_is_answered_from_the_database(shop: ApiClient) -> None:
    number, path = await placed(shop), "cancel"
    first = await shop.post(f"/v1/orders/{number}/{path}", {"reason": "changed my mind"}, key="accepted-1")
    assert first.status_code == 503
    await shop.sql("UPDATE orders SET cancelling = 'support_request' WHERE order_no = %s", number)
    await shop.sql(
        "INSERT INTO order_events (order_no, seq, type, actor) VALUES (%s, 0, 'cancel_requested', 'support:amy')",
        number,
    )

    again = await shop.post(f"/v1/orders/{number}/{path}", {"reason": "changed my mind"}, key="accepted-1")

    assert (again.status_code, again.json()["status"]) == (200, "received"), again.text
    assert again.json()["waiting_for"]["what"] == "cancellation"
    (row,) = await shop.sql(
        "SELECT cancel_reason_enc AS sealed, data_key FROM orders JOIN customers USING (customer_id)"
        " WHERE order_no = %s",
        number,
    )
    keys = shop.app.state.services.keys
    assert keys.open_json(row["data_key"], row["sealed"], f"{number}:cancel_reason") == "changed my mind"
    other = await shop.post(f"/v1/orders/{number}/{path}", {"reason": "again"}, key="accepted-2")
    assert (other.status_code, other.json()["code"]) == (409, "not_cancellable")


async def test_pay_while_temporal_is_down_keeps_the_request_once(shop: ApiClient) -> None:
    number = await placed(shop)
    for _ in range(2):
        body = {"method": "sandbox", "token": "tok_ok"}
        response = await shop.post(f"/v1/orders/{number}/payments", body, key="down-2")
        assert (response.status_code, response.json()["code"]) == (503, "workflow_unavailable")
    rows = await shop.sql("SELECT attempt FROM payment_requests WHERE order_no = %s AND attempt IS NULL", number)
    assert rows == [{"attempt": None}]
    await shop.sql("UPDATE payment_requests SET attempt = 2 WHERE order_no = %s AND attempt IS NULL", number)
    answered = await shop.post(f"/v1/orders/{number}/payments", body, key="down-2")
    assert (answered.status_code, answered.json()["outcome"]) == (201, "open")


async def test_resolve_while_temporal_is_down_keeps_the_act_sealed(shop: ApiClient) -> None:
    number = await placed(shop)
    await park(shop, number)
    value = {"carrier": "by hand", "tracking_no": "X-1"}
    body = {"action": "skip", "reason": "Li Lei asked", "value": value}
    for _ in range(2):
        response = await shop.post(f"/v1/support/orders/{number}/resolve", body, key="down-3")
        assert (response.status_code, response.json()["code"]) == (503, "workflow_unavailable")
    (row,) = await shop.sql("SELECT resolution_id, reason_enc, value_enc FROM resolutions WHERE order_no = %s", number)
    (owner,) = await shop.sql("SELECT data_key FROM customers WHERE customer_id = 'c-17'")
    keys, resolution = shop.app.state.services.keys, row["resolution_id"]
    assert keys.open_json(owner["data_key"], row["reason_enc"], f"{resolution}:reason") == "Li Lei asked"
    assert keys.open_json(owner["data_key"], row["value_enc"], f"{resolution}:value") == value
    await shop.sql(
        "UPDATE parked_steps SET resolved_at = now(), resolution_id = %s WHERE order_no = %s", resolution, number
    )
    answered = await shop.post(f"/v1/support/orders/{number}/resolve", body, key="down-3")
    assert (answered.status_code, answered.json()["outcome"]) == (200, "skip")


WORKFLOW = [
    ("stock_reserved", "pending_payment"),
    ("payment_captured", "paid"),
    ("shipment_booked", "preparing"),
    ("shipment_picked_up", "shipped"),
    ("shipment_delivered", "delivered"),
]


async def test_order_that_has_left_is_not_cancelled(shop: ApiClient) -> None:
    number = await placed(shop)
    for event, status in WORKFLOW[:4]:
        await move(shop, number, event, status)
    before = await shop.row_counts()
    for query in ("", "?preview=true"):
        response = await shop.post(f"/v1/orders/{number}/cancel{query}", {"reason": "late"})
        assert (response.status_code, response.json()["code"]) == (409, "not_cancellable")
        assert "shipped" in response.json()["detail"]
    assert await shop.row_counts() == before


async def test_preview_tells_what_goes_back_and_changes_nothing(shop: ApiClient) -> None:
    number = await placed(shop)
    for event, status in WORKFLOW[:3]:
        await move(shop, number, event, status)
    await captured(shop, number)
    await shop.sql("INSERT INTO allocations VALUES (%s, 'TEA-1', 'WH-EAST', 2, 'reserved')", number)
    await shop.sql(
        "INSERT INTO shipments (shipment_id, order_no, warehouse, carrier, status, idempotency_key, tracking_no)"
        " VALUES (%s, %s, 'WH-EAST', 'sandbox', 'booked', %s, 'T-9')",
        *(f"s-{number}", number, f"s-{number}"),
    )
    before = await shop.row_counts()

    response = await shop.post(f"/v1/orders/{number}/cancel?preview=true", {"reason": "what if"})

    assert response.json() == {
        "order_no": number,
        "consequence": {
            "refund_minor": 8500,
            "void_minor": 0,
            "currency": "CNY",
            "stock": [{"sku": "TEA-1", "quantity": 2}],
            "parcel": "recall",
        },
    }
    assert await shop.row_counts() == before


async def test_payment_of_a_paid_order(shop: ApiClient) -> None:
    number = await placed(shop)
    await captured(shop, number)
    before = await shop.row_counts()
    response = await shop.post(f"/v1/orders/{number}/payments", {"method": "sandbox", "token": "tok_ok"})
    assert (response.status_code, response.json()["code"]) == (409, "already_paid")
    assert await shop.row_counts() == before


async def test_payment_while_one_is_in_flight(shop: ApiClient) -> None:
    number = await placed(shop)
    await captured(shop, number, status="pending", kind="authorise")
    before = await shop.row_counts()
    response = await shop.post(f"/v1/orders/{number}/payments", {"method": "sandbox", "token": "tok_ok"})
    assert (response.status_code, response.json()["code"]) == (409, "payment_in_progress")
    assert await shop.row_counts() == before


@pytest.mark.parametrize("declined", [True, False])
async def test_allowed_to_pay_after_a_decline_only(shop: ApiClient, declined: bool) -> None:
    number = await placed(shop)
    await move(shop, number, "stock_reserved", "pending_payment")
    if declined:
        await captured(shop, number, status="failed", kind="authorise")
    actions = (await shop.get(f"/v1/orders/{number}")).json()["allowed_actions"]
    assert [action for action in actions if not action.startswith("change_")] == (
        ["cancel", "pay"] if declined else ["cancel"]
    )


async def test_resolve_of_an_order_that_is_not_stuck(shop: ApiClient) -> None:
    number = await placed(shop)
    before = await shop.row_counts()
    response = await shop.post(f"/v1/support/orders/{number}/resolve", {"action": "retry", "reason": "why not"})
    assert (response.status_code, response.json()["code"]) == (409, "not_parked")
    assert await shop.row_counts() == before


BAD_ACTIONS = {
    "not possible": ({"action": "amend", "value": {"token": "t"}}, 409, "action_not_possible"),
    "unknown action": ({"action": "pray"}, 422, "validation_failed"),
    "value missing": ({"action": "skip"}, 422, "invalid_value"),
    "value of another shape": ({"action": "skip", "value": {"tracking_no": "1"}}, 422, "invalid_value"),
    "value where none is taken": ({"action": "retry", "value": {"x": "y"}}, 422, "invalid_value"),
    "NUL in a value": ({"action": "skip", "value": {"reference": "\x00"}}, 422, "invalid_text"),
    "no reason": ({"action": "retry", "reason": ""}, 422, "validation_failed"),
}


@pytest.mark.parametrize("name", BAD_ACTIONS)
async def test_bad_act(shop: ApiClient, name: str) -> None:
    change, status, code = BAD_ACTIONS[name]
    number = await placed(shop)
    await park(shop, number, "capture", "{retry,skip,compensate}")
    before = await shop.row_counts()
    response = await shop.post(f"/v1/support/orders/{number}/resolve", {"reason": "r"} | change)
    assert (response.status_code, response.json()["code"]) == (status, code), response.text
    assert await shop.row_counts() == before


async def test_queue_is_paged_and_filtered(shop: ApiClient) -> None:
    numbers = [await placed(shop) for _ in range(3)]
    for number in numbers:
        await park(shop, number, "deliver", "{retry,skip,compensate}")
    pages, cursor = [], None
    while cursor or not pages:
        more = {"cursor": cursor} if cursor else {}
        body = (await shop.get("/v1/support/stuck", step="deliver", limit=2, **more)).json()
        pages.append([item["order_no"] for item in body["items"]])
        cursor = body["next_cursor"]
    assert pages == [numbers[:2], numbers[2:]]
    (first, *_) = (await shop.get("/v1/support/stuck", step="deliver")).json()["items"]
    assert {"order_no", "step", "error", "provider", "since", "attempts", "options"} <= set(first)
    assert (await shop.get("/v1/support/stuck", step="deliver", error="other")).json()["items"] == []


async def test_bulk_act_is_kept_with_its_items_and_start_request(shop: ApiClient) -> None:
    numbers = [await placed(shop) for _ in range(3)]
    for number in numbers:
        await park(shop, number, "return_payment", "{retry,skip}")
    body = {"filter": {"step": "return_payment"}, "action": "retry", "reason": "bank is back", "rate_per_s": 5}

    response = await shop.post("/v1/support/resolve", body, key="bulk-1")

    assert response.status_code == 202, response.text
    job_id = response.json()["job_id"]
    progress = {"state": "running", "total": 3, "done": 0, "failed": 0}
    assert (await shop.get(f"/v1/support/jobs/{job_id}")).json() == progress
    items = await shop.sql("SELECT order_no FROM support_job_items WHERE job_id = %s", job_id)
    assert {item["order_no"] for item in items} == set(numbers)
    starts = await shop.sql("SELECT kind, payload FROM workflow_requests WHERE subject = %s", job_id)
    assert starts == [{"kind": "start_job", "payload": {"rate_per_s": 5}}]
    assert (await shop.post("/v1/support/resolve", body, key="bulk-1")).json()["job_id"] == job_id
    stopped = await shop.post(f"/v1/support/jobs/{job_id}/stop")
    assert stopped.json() == progress | {"state": "stopped"}


async def test_bulk_act_on_nothing_is_finished_at_once(shop: ApiClient) -> None:
    body = {"filter": {"error": "nothing-like-it"}, "action": "retry", "reason": "r", "rate_per_s": 1}
    job_id = (await shop.post("/v1/support/resolve", body)).json()["job_id"]
    assert (await shop.get(f"/v1/support/jobs/{job_id}")).json()["state"] == "finished"


@pytest.mark.parametrize(
    "change",
    [
        {"action": "skip", "filter": {"step": "book"}},
        {"action": "amend", "value": {"token": "t"}},
        {"action": "amend"},
        {"action": "retry", "filter": {"step": "review"}},
        {"action": "retry", "rate_per_s": 0},
        {"action": "retry", "filter": {"error": "a\x00"}},
        {"action": "retry", "expected": -1},
        {"action": "retry", "all": False},
    ],
)
async def test_bad_bulk_act(shop: ApiClient, change: dict[str, object]) -> None:
    before = await shop.row_counts()
    body = {"filter": {}, "all": True, "reason": "r", "rate_per_s": 1} | change
    response = await shop.post("/v1/support/resolve", content=json.dumps(body))
    assert response.status_code == 422, response.text
    assert await shop.row_counts() == before


async def test_a_bulk_act_without_a_filter_says_all(shop: ApiClient) -> None:
    number = await placed(shop)
    await park(shop, number, "capture", "{retry,skip,compensate}")
    body = {"action": "retry", "reason": "r", "rate_per_s": 1}
    before = await shop.row_counts()
    for filter_ in ({}, {"filter": {}}, {"filter": {"step": None}}, {"all": False}):
        refused = await shop.post("/v1/support/resolve", body | filter_)
        assert (refused.status_code, refused.json()["code"]) == (422, "filter_missing"), refused.text
    assert await shop.row_counts() == before
    answer = await shop.post("/v1/support/resolve", body | {"all": True})
    assert answer.status_code == 202 and answer.json()["total"] >= 1
    await shop.post(f"/v1/support/jobs/{answer.json()['job_id']}/stop")


async def test_a_bulk_act_on_another_number_than_expected_does_nothing(shop: ApiClient) -> None:
    error = unique("cause")
    for _ in range(2):
        await park(shop, await placed(shop), "return_payment", "{retry,skip}")
    await shop.sql("UPDATE parked_steps SET error = %s WHERE step = 'return_payment' AND resolved_at IS NULL", error)
    (found,) = await shop.sql("SELECT count(*) AS n FROM parked_steps WHERE error = %s", error)
    body = {"filter": {"error": error}, "action": "retry", "reason": "r", "rate_per_s": 1}
    before = await shop.row_counts()
    for wrong in (0, found["n"] - 1, found["n"] + 1):
        refused = await shop.post("/v1/support/resolve", body | {"expected": wrong})
        result = refused.json()
        assert (refused.status_code, result["code"], result["found"]) == (409, "expected_differs", found["n"])
        assert f"{found['n']} orders" in result["detail"] and str(wrong) in result["detail"]
    assert await shop.row_counts() == before
    answer = await shop.post("/v1/support/resolve", body | {"expected": found["n"]})
    assert (answer.status_code, answer.json()["total"]) == (202, found["n"])


async def test_job_of_nobody(shop: ApiClient) -> None:
    for job_id in ("job_" + "0" * 32, "%00", "x"):
        response = await shop.get(f"/v1/support/jobs/{job_id}")
        assert (response.status_code, response.json()["code"]) == (404, "job_not_found")
