"""Refunds through the front door, carried out by the order's workflow: what both sides believe afterwards."""

import asyncio
from typing import Any

import httpx

from tests.api.conftest import open_api
from tests.conftest import DatabaseUrls
from tests.factories.refunds import given_back
from tests.integration.conftest import CHEAP, DEAR, Office
from tests.order_stage import eventually
from tests.workflows.scenarios import pay_again


async def paid(office: Office, sku: str = CHEAP) -> str:
    order_no = await office.unpaid(sku)
    await pay_again(office.stage, order_no)
    await office.stage.reaches(order_no, "preparing")
    return order_no


async def refund(
    office: Office, order_no: str, name: str = "ann", role: str = "support", **body: Any
) -> httpx.Response:
    return await office.staff(name, role).post(f"/v1/orders/{order_no}/refunds", {"reason": "late", **body})


async def reaches(office: Office, refund_id: str, status: str) -> None:
    async def there() -> bool:
        found = await office.staff("ann").get(f"/v1/refunds/{refund_id}")
        return bool(found.json()["status"] == status)

    await eventually(there)


async def test_of_two_for_the_last_amount_one_is_made_and_paid_once(office: Office) -> None:
    order_no = await paid(office)
    answers = await asyncio.gather(
        refund(office, order_no, amount_minor=2000), refund(office, order_no, "ben", "finance", amount_minor=2000)
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    made, refused = sorted(answers, key=lambda answer: answer.status_code)
    assert refused.json()["code"] == "refund_exceeds_captured"
    await reaches(office, made.json()["refund_id"], "succeeded")
    assert given_back(office.stage, order_no) == [2000]
    tried = [kind for kind, _ in office.stage.payments(order_no)]
    assert tried.count("refund") == 1


async def test_a_refund_and_a_cancellation_at_once_give_back_everything_once(office: Office) -> None:
    for amount in (700, 2000):
        order_no = await paid(office)
        cancelling = office.staff("ann").post(f"/v1/orders/{order_no}/cancel", {"reason": "both"})
        cancelled, opened = await asyncio.gather(cancelling, refund(office, order_no, "ben", amount_minor=amount))
        assert cancelled.status_code == 200, cancelled.text
        assert opened.status_code == 201 or opened.json()["code"] in ("order_closed", "refund_exceeds_captured")
        await office.stage.reaches(order_no, "cancelled")
        assert sum(given_back(office.stage, order_no)) == 2000


async def test_a_refund_is_taken_by_a_door_that_cannot_reach_temporal_and_paid_all_the_same(
    office: Office, database_url: DatabaseUrls
) -> None:
    order_no = await paid(office)
    async with open_api(database_url, master_key=office.stage.settings.master_key) as api:
        answer = await api.as_("finance", "ben").post(
            f"/v1/orders/{order_no}/refunds", {"amount_minor": 500, "reason": "late"}
        )
        assert answer.status_code == 201, answer.text
    await reaches(office, answer.json()["refund_id"], "succeeded")
    assert given_back(office.stage, order_no) == [500]


async def test_a_dear_refund_is_paid_after_another_person_has_agreed(office: Office) -> None:
    order_no = await paid(office, DEAR)
    response = (await refund(office, order_no, amount_minor=120_000)).json()
    assert (response["status"], response["left_minor"]) == ("awaiting_approval", 30_000)
    cheap = (await refund(office, order_no, amount_minor=30_000)).json()
    await reaches(office, cheap["refund_id"], "succeeded")
    path = f"/v1/support/approvals/{response['approval_id']}/approve"
    assert (await office.staff("ann", "finance").post(path, {"reason": "x"})).status_code == 403
    assert (await office.staff("ben").post(path, {"reason": "I looked"})).status_code == 200
    await reaches(office, response["refund_id"], "succeeded")
    assert sorted(given_back(office.stage, order_no)) == [30_000, 120_000]


async def test_a_stuck_dear_refund_is_not_skipped_by_one_person(office: Office) -> None:
    """Skipping says that the money went another way: that is an act on money, too."""
    order_no = await paid(office, DEAR)
    response = (await refund(office, order_no, amount_minor=120_000)).json()
    office.stage.fault("payments", "reject", 1, order_no=order_no, kind="refund")
    path = f"/v1/support/approvals/{response['approval_id']}/approve"
    assert (await office.staff("ben").post(path, {"reason": "I looked"})).status_code == 200
    await office.stage.parked(order_no)
    skip = {"action": "skip", "reason": "by bank", "value": {"reference": "bank-1"}}
    answer = await office.staff("ann").post(f"/v1/support/orders/{order_no}/resolve", skip)
    assert answer.status_code == 202, answer.text
    yes = f"/v1/support/approvals/{answer.json()['approval_id']}/approve"
    assert (await office.staff("ben").post(yes, {"reason": "seen the transfer"})).status_code == 200
    await reaches(office, response["refund_id"], "succeeded")
    assert given_back(office.stage, order_no) == []
