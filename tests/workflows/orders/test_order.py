"""One order's story on real servers: each chapter, each refusal, each way back."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.client import WorkflowUpdateFailedError

from infra.stack.temporal.temporal_server import TemporalServer
from tests.conftest import DatabaseUrls
from tests.order_stage import Stage, eventually, staged
from workflows import names
from workflows import payloads as m


@pytest.fixture(scope="module")
async def stage(
    database_url: DatabaseUrls, temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    folder: Path = tmp_path_factory.mktemp("stage")
    async with staged(database_url, temporal.address, folder) as opened:
        await opened.stock("TEA", 1000)
        yield opened


async def held(stage: Stage, order_no: str) -> int:
    rows = await stage.sql(
        "SELECT coalesce(sum(reserved_delta), 0) FROM stock_movements WHERE order_no = :o", o=order_no
    )
    return int(rows[0][0])


async def cancel(stage: Stage, order_no: str, cause: str = "customer_request") -> m.UpdateAnswer:
    answer: m.UpdateAnswer = await stage.handle(order_no).execute_update(
        names.CANCEL, m.CancelRequest(order_no, cause, "customer:c"), result_type=m.UpdateAnswer
    )
    return answer


async def test_a_plain_order_goes_from_placed_to_completed(stage: Stage) -> None:
    order_no = await stage.place(quantity=2)
    await stage.reaches(order_no, "preparing")
    await stage.carrier_says(order_no, "picked_up")
    await stage.reaches(order_no, "shipped")
    await stage.carrier_says(order_no, "in_transit", "delivered")
    await stage.reaches(order_no, "completed")
    assert await stage.events(order_no) == [
        "order_placed",
        "stock_reserved",
        "payment_authorised",
        "payment_captured",
        "shipment_booked",
        "shipment_picked_up",
        "shipment_delivered",
        "return_window_closed",
    ]
    assert stage.payments(order_no) == [("authorise", "succeeded"), ("capture", "succeeded")]
    assert await stage.handle(order_no).result() == "completed"


async def test_stock_that_is_short_cancels_without_a_charge(stage: Stage) -> None:
    await stage.stock("RARE", 1)
    order_no = await stage.place("RARE", 2)
    await stage.reaches(order_no, "cancelled")
    assert stage.payments(order_no) == []
    assert await held(stage, order_no) == 0


async def test_a_backorder_waits_for_a_receipt(stage: Stage) -> None:
    await stage.stock("LATE", 0 + 1)
    order_no = await stage.place("LATE", 5, backorder=True)
    await eventually(
        lambda: stage.sql("SELECT 1 FROM orders WHERE order_no = :o AND waiting->>'what' = 'stock'", o=order_no)
    )
    await stage.stock("LATE", 4)
    await stage.sql(
        "INSERT INTO workflow_requests (kind, subject, name) VALUES ('signal_order', :o, 'stock_arrived')", o=order_no
    )
    await stage.reaches(order_no, "preparing")


async def test_a_declined_payment_may_be_paid_again_and_not_twice(stage: Stage) -> None:
    order_no = await stage.place(token="tok_decline")
    await eventually(
        lambda: stage.sql("SELECT 1 FROM order_events WHERE order_no = :o AND type = 'payment_declined'", o=order_no)
    )
    request = f"pay-{order_no}"
    await stage.sql(
        "INSERT INTO payment_requests VALUES (:r, :o, NULL, 'sandbox', 'tok_ok', 'c', now())", r=request, o=order_no
    )
    answer = await stage.handle(order_no).execute_update(
        names.PAY, m.PayRequest(order_no, request), result_type=m.UpdateAnswer
    )
    assert (answer.status, answer.outcome) == ("paid", "captured")
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await stage.handle(order_no).execute_update(names.PAY, m.PayRequest(order_no, "again"))
    assert getattr(refused.value.cause, "type", None) == "already_paid"
    assert stage.payments(order_no) == [("authorise", "failed"), ("authorise", "succeeded"), ("capture", "succeeded")]


async def test_a_payment_by_notification_pays_and_a_second_one_goes_back(stage: Stage) -> None:
    order_no = await stage.place(token=None)
    await stage.reaches(order_no, "pending_payment")
    await pay_directly(stage, order_no, 1000)
    await stage.reaches(order_no, "preparing")
    await pay_directly(stage, order_no, 1000)
    await eventually(lambda: ("refund", "succeeded") in stage.payments(order_no))
    assert stage.payments(order_no).count(("capture", "succeeded")) == 2
    assert await stage.status(order_no) == "preparing"


async def test_a_payment_for_a_cancelled_order_goes_back(stage: Stage) -> None:
    order_no = await stage.place(token=None)
    await stage.reaches(order_no, "pending_payment")
    await cancel(stage, order_no)
    await stage.reaches(order_no, "cancelled")
    await stage.handle(order_no).result()
    await pay_directly(stage, order_no, 1000)
    await eventually(lambda: ("refund", "succeeded") in stage.payments(order_no))


async def pay_directly(stage: Stage, order_no: str, amount: int) -> None:
    body = {"order_no": order_no, "amount_minor": amount, "currency": "CNY", "reference": "bank"}
    paid = stage.sandbox.http.post("/payments/pay", json=body).json()
    keep = ("kind", "status", "amount_minor", "currency", "idempotency_key")
    await stage.inbox("payment", order_no, {"provider_ref": paid["id"], **{name: paid.get(name) for name in keep}})


async def test_cancelling_a_booked_order_recalls_refunds_and_releases(stage: Stage) -> None:
    order_no = await stage.place(quantity=3)
    await stage.reaches(order_no, "preparing")
    assert (await cancel(stage, order_no)).outcome in ("cancelled", "cancelling")
    await stage.reaches(order_no, "cancelled")
    assert stage.parcels(order_no) == ["cancelled"]
    assert stage.payments(order_no)[-1] == ("refund", "succeeded")
    assert await held(stage, order_no) == 0


async def test_a_parcel_that_has_left_refuses_the_cancellation(stage: Stage) -> None:
    order_no = await stage.place()
    await stage.reaches(order_no, "preparing")
    parcel = stage.sandbox.http.get("/shipments", params={"order_no": order_no}).json()["items"][0]
    stage.sandbox.http.post(f"/shipments/{parcel['id']}/advance", json={"status": "picked_up"})
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await cancel(stage, order_no)
    assert getattr(refused.value.cause, "type", None) == "parcel_on_its_way"
    await stage.reaches(order_no, "shipped")
    assert ("refund", "succeeded") not in stage.payments(order_no)
    await stage.carrier_says(order_no, "delivered")
    await stage.reaches(order_no, "completed")


async def test_a_pending_payment_is_decided_by_notification(stage: Stage) -> None:
    order_no = await stage.place(token="tok_pending")
    await eventually(lambda: stage.payments(order_no) in ([("authorise", "pending")], [("authorise", "succeeded")]))
    row = (await stage.sql("SELECT idempotency_key, provider_ref FROM payments WHERE order_no = :o", o=order_no))[0]
    await eventually(lambda: stage.payments(order_no) == [("authorise", "succeeded")])
    fact = {"provider_ref": row.provider_ref, "kind": "authorise", "status": "succeeded", "amount_minor": 1000}
    await stage.inbox("payment", order_no, {**fact, "currency": "CNY", "idempotency_key": row.idempotency_key})
    await stage.reaches(order_no, "preparing")


async def test_a_refused_address_parks_and_an_amended_one_goes_on(stage: Stage) -> None:
    order_no = await stage.place(line1="UNDELIVERABLE")
    row = await stage.parked(order_no)
    assert (row.step, row.error, row.options) == ("book", "address_refused", ["retry", "skip", "amend", "compensate"])
    address = {"name": "Li", "phone": "1", "country": "CN", "province": "上海市", "city": "上海市"}
    rid = await stage.resolution(
        order_no, "amend", {**address, "district": "d", "line1": "1 Road", "postcode": "200000"}
    )
    await resolve(stage, order_no, rid, "amend")
    await stage.reaches(order_no, "preparing")
    attributes = (await stage.handle(order_no).describe()).search_attributes
    assert "OmsStuckStep" not in attributes or not attributes["OmsStuckStep"]


async def resolve(stage: Stage, order_no: str, rid: str, action: str) -> None:
    await stage.handle(order_no).execute_update(names.RESOLVE, m.ResolveRequest(order_no, rid, action))


async def test_a_carrier_that_is_down_parks_and_a_retry_books_once(stage: Stage) -> None:
    order_no = await stage.place()
    stage.fault("carriers", "timeout_after", 1, order_no=order_no)
    stage.fault("carriers", "error", 20, order_no=order_no)
    row = await stage.parked(order_no)
    assert (row.step, row.attempts) == ("book", 5)

    async def body() -> bool:
        return (await stage.handle(order_no).describe()).search_attributes.get("OmsStuckStep") == ["book"]

    await eventually(body)
    stage.sandbox.http.delete("/faults")
    await resolve(stage, order_no, await stage.resolution(order_no, "retry"), "retry")
    await stage.reaches(order_no, "preparing")
    assert stage.parcels(order_no) == ["booked"]


async def test_a_parked_order_can_be_skipped_with_a_parcel_booked_manually(stage: Stage) -> None:
    order_no = await stage.place()
    stage.fault("carriers", "reject", 1, order_no=order_no)
    assert (await stage.parked(order_no)).error == "rejected"
    rid = await stage.resolution(order_no, "skip", {"carrier": "SF", "tracking_no": "SF1"})
    await resolve(stage, order_no, rid, "skip")
    await stage.reaches(order_no, "preparing")
    assert "shipment_recorded" in await stage.events(order_no)


async def test_a_parcel_booked_manually_is_recalled_by_a_person_whatever_its_carrier_is_called(stage: Stage) -> None:
    """A carrier of ours of that name knows nothing of it: it finds nothing to recall, which says nothing."""
    order_no = await stage.place()
    stage.fault("carriers", "reject", 1, order_no=order_no)
    await stage.parked(order_no, 60)
    rid = await stage.resolution(order_no, "skip", {"carrier": "sandbox", "tracking_no": "N-1"})
    await resolve(stage, order_no, rid, "skip")
    await stage.reaches(order_no, "preparing", 60)
    await cancel(stage, order_no)
    parked = await stage.parked(order_no, 60)
    assert (parked.step, parked.error, stage.payments(order_no)[-1][0]) == (
        "cancel_shipment",
        "carrier_not_connected",
        "capture",
    )
    await resolve(stage, order_no, await stage.resolution(order_no, "skip"), "skip")
    await stage.reaches(order_no, "cancelled", 60)


async def test_a_parked_order_can_be_compensated(stage: Stage) -> None:
    order_no = await stage.place()
    stage.fault("carriers", "reject", 1, order_no=order_no)
    await stage.parked(order_no)
    await resolve(stage, order_no, await stage.resolution(order_no, "compensate"), "compensate")
    await stage.reaches(order_no, "cancelled")
    assert stage.payments(order_no)[-1] == ("refund", "succeeded")


async def test_a_capture_whose_answer_was_lost_is_taken_once(stage: Stage) -> None:
    order_no = await stage.place()
    stage.fault("payments", "timeout_after", 1, order_no=order_no, kind="capture")
    await stage.reaches(order_no, "preparing")
    assert stage.payments(order_no) == [("authorise", "succeeded"), ("capture", "succeeded")]


async def test_a_capture_refused_for_good_gives_the_authorisation_back(stage: Stage) -> None:
    order_no = await stage.place()
    stage.fault("payments", "reject", 1, order_no=order_no, kind="capture")
    await eventually(lambda: ("void", "succeeded") in stage.payments(order_no))
    assert await stage.status(order_no) == "pending_payment"
    await cancel(stage, order_no)
    await stage.reaches(order_no, "cancelled")


async def test_a_refund_that_fails_parks_and_then_goes_through(stage: Stage) -> None:
    order_no = await stage.place()
    await stage.reaches(order_no, "preparing")
    stage.fault("payments", "reject", 1, order_no=order_no, kind="refund")
    await cancel(stage, order_no)
    row = await stage.parked(order_no)
    assert (row.step, row.error) == ("return_payment", "rejected")
    assert await stage.status(order_no) == "preparing"
    await resolve(stage, order_no, await stage.resolution(order_no, "retry"), "retry")
    await stage.reaches(order_no, "cancelled")
    assert [p for p in stage.payments(order_no) if p == ("refund", "succeeded")] == [("refund", "succeeded")]


async def test_a_review_waits_for_a_person(stage: Stage) -> None:
    order_no = await stage.place(token="tok_review")
    assert (await stage.parked(order_no)).step == "review"
    assert stage.payments(order_no) == [("authorise", "succeeded")]
    await resolve(stage, order_no, await stage.resolution(order_no, "skip"), "skip")
    await stage.reaches(order_no, "preparing")


async def test_a_lost_parcel_parks_and_can_be_refunded(stage: Stage) -> None:
    order_no = await stage.place()
    await stage.reaches(order_no, "preparing")
    await stage.carrier_says(order_no, "lost")
    row = await stage.parked(order_no)
    assert (row.step, row.error, await stage.status(order_no)) == ("deliver", "parcel_lost", "shipped")
    await resolve(stage, order_no, await stage.resolution(order_no, "compensate"), "compensate")
    await stage.reaches(order_no, "cancelled")
    assert stage.payments(order_no)[-1] == ("refund", "succeeded")


async def test_a_delivery_overtakes_a_lost_parcel(stage: Stage) -> None:
    order_no = await stage.place()
    await stage.reaches(order_no, "preparing")
    await stage.carrier_says(order_no, "lost")
    await stage.parked(order_no)
    await stage.carrier_says(order_no, "delivered")
    await stage.reaches(order_no, "completed")


async def test_a_batch_signal_retries_what_is_parked(stage: Stage) -> None:
    order_no = await stage.place()
    stage.fault("carriers", "reject", 1, order_no=order_no)
    await stage.parked(order_no)
    await stage.handle(order_no).signal(names.RETRY_PARKED)
    await stage.reaches(order_no, "preparing")


async def test_a_resolution_that_does_not_fit_is_refused(stage: Stage) -> None:
    order_no = await stage.place()
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await stage.reaches(order_no, "preparing")
        await resolve(stage, order_no, "none", "retry")
    assert getattr(refused.value.cause, "type", None) == "not_parked"


async def test_the_history_of_a_plain_order_stays_within_its_budget(stage: Stage) -> None:
    order_no = await stage.place()
    await stage.reaches(order_no, "preparing")
    await stage.carrier_says(order_no, "picked_up")
    await stage.reaches(order_no, "shipped")
    await stage.carrier_says(order_no, "delivered")
    await stage.reaches(order_no, "completed")
    await stage.handle(order_no).result()
    history = await stage.handle(order_no).fetch_history()
    assert len(history.events) <= 56, [event.event_type for event in history.events]
    print(len(history.events))


async def test_a_cancellation_asked_in_temporal_undoes_the_order(stage: Stage) -> None:
    order_no = await stage.place()
    await stage.reaches(order_no, "preparing")
    await stage.handle(order_no).cancel()
    await stage.reaches(order_no, "cancelled")
    assert stage.payments(order_no)[-1] == ("refund", "succeeded")
    assert stage.parcels(order_no) == ["cancelled"]
    assert await stage.handle(order_no).result() == "cancelled"


async def test_a_cancellation_asked_in_temporal_leaves_a_shipped_order_alone(stage: Stage) -> None:
    order_no = await stage.place()
    await stage.reaches(order_no, "preparing")
    await stage.carrier_says(order_no, "picked_up")
    await stage.reaches(order_no, "shipped")
    await stage.handle(order_no).cancel()
    await stage.carrier_says(order_no, "delivered")
    await stage.reaches(order_no, "completed")
