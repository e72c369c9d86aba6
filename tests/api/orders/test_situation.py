"""An order, a list and the pages say alike where an order stands; customers read their own sentence."""

from typing import Any

import pytest

from tests.api.conftest import ApiClient, an_order, unique
from tests.console.conftest import sign_in
from tests.factories.split_orders import split

_PARKED = """
    INSERT INTO parked_steps (order_no, park_no, step, error, provider, attempts, options, amount_minor, escalate_at)
    VALUES (%s, 1, %s, %s, 'sandbox', 5, %s, 8500, '2030-01-01T12:00:00Z')"""
_RETRYING = """
    INSERT INTO retrying_steps (order_no, activity, step, error, provider, attempt, max_attempts, event_seq,
                                next_try_at, paused)
    SELECT order_no, 'book_shipment', 'book', 'http_503', 'sandbox', 4, 5, event_seq - %s, '2030-01-01T12:00:05Z', %s
      FROM orders WHERE order_no = %s"""


async def placed(shop: ApiClient) -> tuple[str, ApiClient]:
    """An order, and the door of its customer."""
    wanted = an_order(customer={"id": unique("c"), "name": "Li", "email": "li@example.com", "phone": "13800138000"})
    answer = await shop.post("/v1/orders", wanted)
    assert answer.status_code == 201, answer.text
    return answer.json()["order_no"], shop.as_("customer", wanted["customer"]["id"])


async def situations(shop: ApiClient, order_no: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Of the order, and of its row in the list."""
    whole = (await shop.get(f"/v1/orders/{order_no}")).json()
    rows = (await shop.get("/v1/orders", q=order_no)).json()["items"]
    (row,) = [row for row in rows if row["order_no"] == order_no]
    return whole["situation"], row["situation"]


async def test_a_new_order_is_being_worked_on(shop: ApiClient) -> None:
    order_no, customer = await placed(shop)
    whole, row = await situations(shop, order_no)
    assert whole == row
    assert whole == {
        "state": "in_progress",
        "sentence": "Reserving stock",
        "code": "reservation",
        "owner": "system",
        "until": None,
        "then": None,
        "actions": [],
    }
    theirs = (await customer.get(f"/v1/orders/{order_no}")).json()["situation"]
    assert theirs["sentence"] == "We are setting your goods aside."


async def test_a_step_that_retries_is_no_healthy_order(shop: ApiClient) -> None:
    order_no, customer = await placed(shop)
    await shop.sql(_RETRYING, 0, False, order_no)
    whole, row = await situations(shop, order_no)
    assert (whole["state"], whole["owner"], whole["until"]) == ("retrying", "system", "2030-01-01T12:00:05Z")
    assert (
        whole["sentence"]
        == row["sentence"]
        == (
            "Retrying carrier booking: attempt 4 of 5 failed (the provider answered 503);"
            " next attempt 2030-01-01 12:00:05 UTC"
        )
    )
    assert [action["action"] for action in whole["actions"]] == ["retry_now", "pause"]
    theirs = (await customer.get(f"/v1/orders/{order_no}")).json()["situation"]
    assert (theirs["state"], theirs["code"], theirs["actions"]) == ("in_progress", "reservation", [])


async def test_a_failure_from_before_the_order_moved_on_is_over(shop: ApiClient) -> None:
    order_no, _ = await placed(shop)
    await shop.sql(_RETRYING, 1, False, order_no)
    whole, row = await situations(shop, order_no)
    assert (whole["state"], row["state"]) == ("in_progress", "in_progress")


async def test_a_paused_step_names_who_paused_it_and_why(shop: ApiClient) -> None:
    order_no, customer = await placed(shop)
    await shop.sql(_RETRYING, 1, True, order_no)
    vault = shop.app.state.services.keys
    (found,) = await shop.sql(
        "SELECT c.data_key FROM orders o JOIN customers c USING (customer_id) WHERE o.order_no = %s", order_no
    )
    act_id = unique("act")
    reason = vault.seal_json(found["data_key"], "carrier outage", f"{act_id}:reason")
    await shop.sql(
        "INSERT INTO activity_actions (act_id, order_no, activity, action, actor, reason_enc)"
        " VALUES (%s, %s, 'book_shipment', 'pause', 'support:amy', %s)",
        act_id,
        order_no,
        reason,
    )
    whole, row = await situations(shop, order_no)
    assert (whole["state"], row["state"]) == ("paused", "paused")
    assert whole["sentence"].startswith("Carrier booking paused by amy: “carrier outage”")
    assert row["sentence"].startswith("Carrier booking paused by amy after")
    assert [action["label"] for action in whole["actions"]] == ["Resume"]
    theirs = (await customer.get(f"/v1/orders/{order_no}")).json()["situation"]
    assert "amy" not in theirs["sentence"]
    assert theirs["code"] == "looked_into"


@pytest.mark.parametrize(
    ("step", "error", "options", "code", "labels"),
    [
        ("review", "payment_review", ["skip", "compensate"], "fraud_review", ["Approve payment", "Decline and cancel"]),
        ("book", "address_refused", ["retry", "amend"], "address_refused", ["Edit address and retry", "Retry"]),
        ("deliver", "parcel_lost", ["retry", "skip"], "parcel_lost", ["Mark as delivered", "Wait for the carrier"]),
    ],
)
async def test_what_a_person_must_do_is_named_for_the_case(
    shop: ApiClient, step: str, error: str, options: list[str], code: str, labels: list[str]
) -> None:
    order_no, customer = await placed(shop)
    await shop.sql(_PARKED, order_no, step, error, options)
    whole, row = await situations(shop, order_no)
    assert (whole["state"], whole["code"], whole["owner"], whole["then"]) == (
        *("needs_attention", code, "support"),
        "operations are alerted",
    )
    assert [action["label"] for action in whole["actions"]] == labels
    assert (row["sentence"], row["actions"]) == (whole["sentence"], [])
    theirs = (await customer.get(f"/v1/orders/{order_no}")).json()["situation"]
    assert (theirs["state"], theirs["actions"]) == ("in_progress", [])


async def test_a_hold_says_who_decides_until_when_and_what_then(shop: ApiClient) -> None:
    order_no, customer = await placed(shop)
    body = {"kind": "risk", "reason": "over the limit", "default_outcome": "cancel"}
    assert (await shop.post(f"/v1/orders/{order_no}/holds", body)).status_code == 201
    await shop.sql("UPDATE orders SET status = status WHERE order_no = %s", order_no)
    whole, _ = await situations(shop, order_no)
    assert whole["state"] == "in_progress", "a risk hold does not stop the reservation"
    await shop.post(f"/v1/orders/{order_no}/holds", {"kind": "manual", "reason": "wait"})
    whole, row = await situations(shop, order_no)
    assert (whole["state"], whole["owner"], whole["then"]) == ("on_hold", "support", "the order continues")
    assert whole["sentence"].startswith("On hold (manual), put on by amy. Support decides by ")
    assert whole["sentence"].endswith("; if nobody does, the order continues")
    assert [action["action"] for action in whole["actions"]] == ["release_hold", "cancel"]
    assert row["sentence"] == whole["sentence"]
    theirs = (await customer.get(f"/v1/orders/{order_no}")).json()["situation"]
    assert (theirs["state"], "amy" in theirs["sentence"]) == ("on_hold", False)
    assert [action["action"] for action in theirs["actions"]] == ["cancel"], "only staff release a hold"


async def test_an_order_whose_workflow_fails_is_not_healthy(shop: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    order_no, customer = await placed(shop)
    monkeypatch.setattr(shop.app.state.services.failing, "_versions", {order_no: "3f2c"})
    whole, row = await situations(shop, order_no)
    assert (whole["state"], whole["owner"], row["state"]) == ("workflow_error", "engineering", "workflow_error")
    assert whole["sentence"] == row["sentence"] == "Workflow error in version 3f2c: engineers are alerted"
    assert [action["action"] for action in whole["actions"]] == ["reset"]
    theirs = (await customer.get(f"/v1/orders/{order_no}")).json()["situation"]
    assert theirs["code"] == "looked_into"


async def test_a_split_order_names_the_part_that_waits_for_support(shop: ApiClient) -> None:
    order_no = await split(shop, "shipped", "delivered", "reserved")
    await shop.sql(_PARKED, order_no, "book", "timeout", ["retry"])
    await shop.sql("UPDATE parked_steps SET subject = %s WHERE order_no = %s", f"{order_no}-F3", order_no)
    said = "2 of 3 shipped; part 3: needs attention: carrier booking failed (timeout), 5 attempts"
    whole, row = await situations(shop, order_no)
    assert (whole["sentence"].startswith(said), row["sentence"]) == (True, whole["sentence"])
    for language, words in (
        ("en", said),
        ("zh", "已发货 2/3；第 3 部分：需要处理：承运商预约失败（超时），已尝试 5 次"),
    ):
        browser = await sign_in(shop, "support", language)
        for page in (f"/console/orders/{order_no}", f"/console/orders?q={order_no[:6]}", "/console/stuck"):
            assert words in (await browser.http.get(page, follow_redirects=True)).text, page
