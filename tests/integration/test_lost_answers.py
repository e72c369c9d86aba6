"""An answer that is lost: the same key again gives the outcome, whatever has become of the order since."""

import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from tests.integration.conftest import CHEAP, Office
from tests.integration.support.test_manual_transitions import booked

Prepared = tuple[str, str, dict[str, Any], str]


async def to_cancel(office: Office) -> Prepared:
    order_no = await office.unpaid()
    return order_no, f"/v1/orders/{order_no}/cancel", {"reason": "the customer asks"}, "cancelled"


async def to_pay(office: Office) -> Prepared:
    order_no = await office.unpaid()
    return order_no, f"/v1/orders/{order_no}/payments", {"method": "sandbox", "token": "tok_ok"}, "preparing"


async def to_adjust(office: Office) -> Prepared:
    order_no = await booked(office)
    body = {"event": "shipment_picked_up", "reason": "seen with my own eyes"}
    return order_no, f"/v1/support/orders/{order_no}/adjust", body, "shipped"


async def to_resolve(office: Office) -> Prepared:
    order_no = await office.parked(CHEAP)
    body = {"action": "retry", "reason": "the carrier is back"}
    return order_no, f"/v1/support/orders/{order_no}/resolve", body, "preparing"


@pytest.mark.parametrize("prepare", [to_cancel, to_pay, to_adjust, to_resolve])
async def test_what_was_done_and_not_answered_is_answered_when_it_is_repeated(
    office: Office, prepare: Callable[[Office], Awaitable[Prepared]]
) -> None:
    """The process dies after the workflow has decided and before the answer is kept."""
    order_no, path, body, status = await prepare(office)
    ann, key = office.staff("ann"), secrets.token_hex(8)
    first = await ann.post(path, body, key=key)
    assert first.is_success, first.text
    await office.stage.reaches(order_no, status, 60)
    await office.stage.sql(
        "UPDATE idempotency_keys SET state = 'running', status_code = NULL, response_enc = NULL, locked_until = now()"
        " WHERE key = :key",
        key=key,
    )
    again = await ann.post(path, body, key=key)
    assert (again.status_code, again.json()["order_no"]) == (first.status_code, order_no), again.text
    assert again.json()["status"] == status
    other = await ann.post(path, body)
    assert other.status_code == 409, other.text


async def test_a_cancellation_that_is_sent_twice_on_its_way_is_no_refusal(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The workflow's reply is lost and the call sent again; by then the workflow has ended, and a new run refuses."""
    order_no = await office.unpaid()
    workflows = office.api.app.state.services.workflows
    run_update = workflows.run_update

    async def asked_twice(*request: Any) -> Any:
        await run_update(*request)
        await office.stage.handle(order_no).result()
        return await run_update(*request)

    monkeypatch.setattr(workflows, "run_update", asked_twice)
    answer: httpx.Response = await office.staff("ann").post(f"/v1/orders/{order_no}/cancel", {"reason": "again"})
    assert (answer.status_code, answer.json().get("status")) == (200, "cancelled"), answer.text


async def test_a_cancellation_is_kept_with_its_request_and_a_second_one_refused(office: Office) -> None:
    order_no = await office.unpaid()
    body = {"reason": "the customer asks"}
    first = await office.staff("ann").post(f"/v1/orders/{order_no}/cancel", body, key="ann-cancels")
    second = await office.staff("bob").post(f"/v1/orders/{order_no}/cancel", body, key="bob-cancels")
    assert (first.status_code, second.status_code) == (200, 409)
    rows = await office.stage.sql(
        "SELECT count(*) FROM order_events WHERE order_no = :o AND key LIKE 'cancel:%'", o=order_no
    )
    assert rows[0][0] == 1
