"""Acts that move money above the limit wait for an approver, and are carried out once."""

import asyncio
from typing import Any

import httpx

from tests.api.conftest import unique
from tests.integration.conftest import CHEAP, Office
from tests.order_stage import eventually


async def request_approval(office: Office, order_no: str, name: str = "ann", **payload: Any) -> dict[str, Any]:
    """Ask to undo an expensive order; the request that waits."""
    body = {"action": "compensate", "reason": "the carrier will not come"} | payload
    answer = await office.staff(name).post(f"/v1/support/orders/{order_no}/resolve", body)
    assert answer.status_code == 202, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def decide(office: Office, name: str, approval_id: str, verb: str = "approve", role: str = "support",
                 key: str | None = None) -> httpx.Response:  # fmt: skip
    path = f"/v1/support/approvals/{approval_id}/{verb}"
    return await office.staff(name, role).post(path, {"reason": "I looked at it"}, key=key)


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_a_dear_refund_waits_for_another_person_and_is_made_once(office: Office) -> None:
    order_no = await office.parked()
    request = await request_approval(office, order_no)
    assert (request["amount_minor"], request["currency"], request["state"]) == (150_000, "CNY", "waiting")
    assert await office.stage.status(order_no) == "paid"
    assert code(await decide(office, "ann", request["approval_id"])) == (403, "second_person_needed")
    assert code(await decide(office, "ann", request["approval_id"], role="finance")) == (403, "second_person_needed")
    key = unique("key")
    first = await decide(office, "ben", request["approval_id"], key=key)
    again = await decide(office, "ben", request["approval_id"], key=key)
    assert first.status_code == again.status_code == 200
    assert again.headers["Idempotent-Replayed"] == "true"
    await office.stage.reaches(order_no, "cancelled")
    assert office.stage.payments(order_no).count(("refund", "succeeded")) == 1
    (row,) = await office.stage.sql(
        "SELECT r.actor, a.decided_by, a.done_at FROM resolutions r JOIN approvals a USING (approval_id) "
        "WHERE r.order_no = :o", o=order_no)  # fmt: skip
    assert (row.actor, row.decided_by) == ("support:ann", "support:ben") and row.done_at is not None
    assert code(await decide(office, "cal", request["approval_id"])) == (409, "approval_decided")
    trail = await office.stage.sql(
        "SELECT actor, action FROM audit_log WHERE order_no = :o AND action LIKE 'approval%' ORDER BY entry_id",
        o=order_no,
    )
    assert [tuple(entry) for entry in trail] == [
        ("support:ann", "approval_asked"),
        ("support:ben", "approval_approved"),
    ]


async def test_a_cheap_refund_needs_nobody(office: Office) -> None:
    order_no = await office.parked(CHEAP)
    body = {"action": "compensate", "reason": "no carrier"}
    answer = await office.staff("ann").post(f"/v1/support/orders/{order_no}/resolve", body)
    assert answer.status_code == 200, answer.text
    await office.stage.reaches(order_no, "cancelled")


async def test_a_dear_retry_needs_nobody(office: Office) -> None:
    order_no = await office.parked()
    answer = await office.staff("ann").post(
        f"/v1/support/orders/{order_no}/resolve", {"action": "retry", "reason": "the carrier is back"}
    )
    assert answer.status_code == 200, answer.text
    await office.stage.reaches(order_no, "preparing")


async def test_refused_nothing_happens_and_it_may_be_asked_again(office: Office) -> None:
    order_no = await office.parked()
    request = await request_approval(office, order_no)
    body = {"action": "compensate", "reason": "again"}
    twice = await office.staff("cal").post(f"/v1/support/orders/{order_no}/resolve", body)
    assert code(twice) == (409, "approval_waiting")
    assert (await decide(office, "ben", request["approval_id"], "refuse")).json()["decision"] == "refused"
    assert code(await decide(office, "cal", request["approval_id"])) == (409, "approval_decided")
    assert (await office.stage.parked(order_no)).step == "book"
    assert (await request_approval(office, order_no, "cal"))["approval_id"] != request["approval_id"]


async def test_what_was_resolved_meanwhile_is_not_done_by_a_late_yes(office: Office) -> None:
    order_no = await office.parked()
    request = await request_approval(office, order_no)
    retried = await office.staff("cal").post(
        f"/v1/support/orders/{order_no}/resolve", {"action": "retry", "reason": "it works again"}
    )
    assert retried.status_code == 200
    await office.stage.reaches(order_no, "preparing")
    assert code(await decide(office, "ben", request["approval_id"])) == (409, "not_parked")
    assert await office.stage.status(order_no) == "preparing"


async def test_two_people_approve_in_the_same_second_and_one_is_informed(office: Office) -> None:
    order_no = await office.parked()
    request = await request_approval(office, order_no)
    answers = await asyncio.gather(*(decide(office, name, request["approval_id"]) for name in ("ben", "cal")))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    await office.stage.reaches(order_no, "cancelled")
    assert office.stage.payments(order_no).count(("refund", "succeeded")) == 1


async def test_a_lapsed_request_is_not_approved(office: Office) -> None:
    order_no = await office.parked()
    request = await request_approval(office, order_no)
    await office.stage.sql(
        "UPDATE approvals SET expires_at = now() - interval '1 s' WHERE approval_id = :a", a=request["approval_id"]
    )
    assert code(await decide(office, "ben", request["approval_id"])) == (409, "approval_lapsed")
    assert (await request_approval(office, order_no))["state"] == "waiting"


async def test_a_bulk_act_does_the_cheap_ones_and_asks_for_the_dear_ones(office: Office) -> None:
    cheap = [await office.parked(CHEAP) for _ in range(2)]
    expensive = [await office.parked() for _ in range(2)]
    error = unique("cause")
    await office.stage.sql(
        "UPDATE parked_steps SET error = :e WHERE order_no = ANY(:o) AND resolved_at IS NULL",
        e=error,
        o=cheap + expensive,
    )
    body = {"filter": {"error": error}, "action": "compensate", "reason": "carrier is gone", "rate_per_s": 50}
    answer = (await office.staff("ann").post("/v1/support/resolve", body)).json()
    assert (answer["total"], answer["waiting"]) == (2, 2)
    for order_no in cheap:
        await office.stage.reaches(order_no, "cancelled")
    assert {await office.stage.status(order_no) for order_no in expensive} == {"paid"}
    # Another expensive order that sticks meanwhile was not what the approver is asked about.
    late = await office.parked()
    await office.stage.sql("UPDATE parked_steps SET error = :e WHERE order_no = :o", e=error, o=late)
    assert code(await decide(office, "ann", answer["approval_id"])) == (403, "second_person_needed")
    assert (await decide(office, "ben", answer["approval_id"])).json()["total"] == 2
    for order_no in expensive:
        await office.stage.reaches(order_no, "cancelled")
    assert await office.stage.status(late) == "paid"


async def test_roles_and_unknown_requests(office: Office) -> None:
    unknown = f"apr_{'0' * 32}"
    assert code(await decide(office, "ben", unknown)) == (404, "approval_not_found")
    assert code(await decide(office, "ben", "apr_x")) == (404, "approval_not_found")
    assert (await decide(office, "wim", unknown, role="warehouse")).status_code == 403
    order_no = await office.parked()
    request = await request_approval(office, order_no)
    open_ones = (await office.staff("fay", "finance").get("/v1/support/approvals")).json()["items"]
    (mine,) = [one for one in open_ones if one["approval_id"] == request["approval_id"]]
    assert (mine["reason"], mine["asked_by"], mine["kind"]) == ("the carrier will not come", "support:ann", "resolve")
    path = f"/v1/support/approvals/{request['approval_id']}/approve"
    assert (await office.staff("ben").post(path, {"reason": ""})).status_code == 422


async def test_two_people_act_on_one_order_in_the_same_second(office: Office) -> None:
    order_no = await office.parked(CHEAP)
    path = f"/v1/support/orders/{order_no}/resolve"
    requests = [("ann", {"action": "retry", "reason": "try"}), ("ben", {"action": "compensate", "reason": "give up"})]
    answers = await asyncio.gather(*(office.staff(name).post(path, body) for name, body in requests))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    response = next(answer for answer in answers if answer.status_code == 409)
    assert code(response) == (409, "not_parked")
    winner = answers[0].status_code == 200
    await office.stage.reaches(order_no, "preparing" if winner else "cancelled")
    assert office.stage.payments(order_no).count(("capture", "succeeded")) == 1


async def test_what_was_asked_for_goes_with_the_customer(office: Office) -> None:
    order_no = await office.parked()
    request = await request_approval(office, order_no)
    await office.stage.sql(
        "UPDATE customers SET data_key = NULL WHERE customer_id = (SELECT customer_id FROM orders WHERE order_no = :o)",
        o=order_no,
    )
    assert code(await decide(office, "ben", request["approval_id"])) == (422, "approval_unreadable")
    listed = (await office.staff("ben").get("/v1/support/approvals")).json()["items"]
    (mine,) = [one for one in listed if one["approval_id"] == request["approval_id"]]
    assert (mine["reason"], mine["amount_minor"]) == (None, 150_000)
    assert (await decide(office, "ben", request["approval_id"], "refuse")).status_code == 200


async def test_a_yes_for_one_refund_is_no_yes_for_another(office: Office) -> None:
    """The first was paid after all; a larger one is stuck now."""
    order_no = await office.parked()
    await office.staff("ann").post(f"/v1/support/orders/{order_no}/resolve", {"action": "retry", "reason": "again"})
    await office.stage.reaches(order_no, "preparing")
    most = {"amount_minor": 95_000, "reason": "late"}
    opened = await office.staff("dan", "finance").post(f"/v1/orders/{order_no}/refunds", most)
    await refund_is(office, opened.json()["refund_id"], "succeeded")
    first = await stuck_refund(office, order_no, 10_000)
    skip = {"action": "skip", "value": {"reference": "bank-1"}}
    request = await request_approval(office, order_no, **skip)
    (waits,) = [
        one
        for one in (await office.staff("ben").get("/v1/support/approvals")).json()["items"]
        if one["approval_id"] == request["approval_id"]
    ]
    assert (waits["step"], waits["subject"], waits["park_no"]) == ("refund", first, 2)
    retried = await office.staff("cal").post(
        f"/v1/support/orders/{order_no}/resolve", {"action": "retry", "reason": "it works again", "park_no": 2}
    )
    assert retried.status_code == 200, retried.text
    await refund_is(office, first, "succeeded")
    second = await stuck_refund(office, order_no, 40_000)
    assert code(await decide(office, "ben", request["approval_id"])) == (409, "step_moved_on")
    late = await office.staff("cal").post(
        f"/v1/support/orders/{order_no}/resolve", {**skip, "reason": "what the page showed", "park_no": 2}
    )
    assert code(late) == (409, "step_moved_on")
    assert (await office.staff("cal").get(f"/v1/refunds/{second}")).json()["status"] == "approved"
    # What is stuck now can be asked for: the request for the other step does not stand in its way.
    mine = await request_approval(office, order_no, **skip)
    assert (await decide(office, "ben", mine["approval_id"])).status_code == 200
    await refund_is(office, second, "succeeded")


async def stuck_refund(office: Office, order_no: str, amount_minor: int) -> str:
    """A refund that the provider refuses; its id."""
    office.stage.fault("payments", "reject", 1, order_no=order_no, kind="refund")
    body = {"amount_minor": amount_minor, "reason": "late"}
    opened = await office.staff("dan", "finance").post(f"/v1/orders/{order_no}/refunds", body)
    assert opened.status_code == 201, opened.text
    refund_id = str(opened.json()["refund_id"])
    if (waits := opened.json().get("approval_id")) is not None:
        assert (await decide(office, "ben", waits)).status_code == 200

    async def stuck() -> bool:
        return bool((await office.stage.parked(order_no)).subject == refund_id)

    await eventually(stuck, 60)
    return refund_id


async def refund_is(office: Office, refund_id: str, status: str) -> None:
    async def there() -> bool:
        found = await office.staff("ann").get(f"/v1/refunds/{refund_id}")
        return bool(found.json()["status"] == status)

    await eventually(there, 60)


async def test_a_yes_is_for_the_amount_that_was_asked(office: Office) -> None:
    order_no = await office.parked()
    request = await request_approval(office, order_no)
    body = {"amount_minor": 5_000, "reason": "late"}
    opened = await office.staff("dan", "finance").post(f"/v1/orders/{order_no}/refunds", body)
    await refund_is(office, opened.json()["refund_id"], "succeeded")
    refused = await decide(office, "ben", request["approval_id"])
    assert code(refused) == (409, "amount_differs")
    assert (refused.json()["moves_minor"], refused.json()["agreed_minor"]) == (145_000, 150_000)
    assert await office.stage.status(order_no) == "paid"
    assert (await decide(office, "ben", request["approval_id"], "refuse")).status_code == 200
    again = await request_approval(office, order_no)
    assert (await decide(office, "ben", again["approval_id"])).status_code == 200
    await office.stage.reaches(order_no, "cancelled")


async def test_a_yes_for_many_is_for_each_at_its_step(office: Office) -> None:
    moved, same = [await office.parked() for _ in range(2)]
    error = unique("cause")
    named = "UPDATE parked_steps SET error = :e WHERE order_no = ANY(:o) AND resolved_at IS NULL"
    await office.stage.sql(named, e=error, o=[moved, same])
    body = {"filter": {"error": error}, "action": "compensate", "reason": "carrier is gone", "rate_per_s": 50}
    answer = (await office.staff("ann").post("/v1/support/resolve", body)).json()
    assert answer["waiting"] == 2
    office.stage.fault("carriers", "reject", 1, order_no=moved)
    retry = {"action": "retry", "reason": "once more"}
    assert (await office.staff("cal").post(f"/v1/support/orders/{moved}/resolve", retry)).status_code == 200

    async def again() -> bool:
        return bool((await office.stage.parked(moved)).park_no == 2)

    await eventually(again, 60)
    await office.stage.sql(named, e=error, o=[moved])
    assert (await decide(office, "ben", answer["approval_id"])).json()["total"] == 1
    await office.stage.reaches(same, "cancelled")
    assert await office.stage.status(moved) == "paid"
