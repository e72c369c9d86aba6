"""The stories whose histories are kept: each is walked on a stage and answers with its order's number."""

import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from temporalio.client import WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy

from tests.factories.address_changes import readdress
from tests.order_stage import Stage, eventually
from tests.workflows.orders.test_order import cancel, pay_directly, resolve
from workflows import names
from workflows import payloads as m

# Personal text of the stories; the replay test looks for it in every history.
STREET = "Whispering Lane 7"
AMENDED = {
    "name": "Wang Xiaoming",
    "phone": "13800001111",
    "country": "CN",
    "province": "浙江省",
    "city": "杭州市",
    "district": "Xihu District",
    "line1": "Plum Blossom Road 88",
    "postcode": "310012",
}
PERSONAL = (STREET, "上海市", "because", *(text for name, text in AMENDED.items() if name != "country"))

Scenario = Callable[[Stage], Awaitable[str]]
SCENARIOS: dict[str, Scenario] = {}
HASTY: dict[str, Scenario] = {}


def scenario(scenario: Scenario) -> Scenario:
    """Register a story under its name."""
    SCENARIOS[scenario.__name__] = scenario
    return scenario


def hasty(scenario: Scenario) -> Scenario:
    """A story on a stage where unpaid orders end, and parked steps escalate, after a second."""
    HASTY[scenario.__name__] = scenario
    return scenario


async def placed(stage: Stage, **options: Any) -> str:
    return await stage.place(**{"line1": STREET, **options})


async def delivered(stage: Stage, order_no: str) -> str:
    """Bring a booked order to its end."""
    await stage.reaches(order_no, "preparing")
    await stage.carrier_says(order_no, "picked_up")
    await stage.reaches(order_no, "shipped")
    await stage.carrier_says(order_no, "delivered")
    await stage.reaches(order_no, "completed")
    return order_no


async def noted(stage: Stage, order_no: str, kind: str) -> None:
    """Wait until the timeline shows an event of `kind`."""

    async def there() -> bool:
        return kind in await stage.events(order_no)

    await eventually(there)


async def pay_again(stage: Stage, order_no: str, token: str = "tok_ok") -> m.UpdateAnswer:
    """A customer pays once more, as the front door has it done."""
    request = f"pay-{secrets.token_hex(4)}"
    await stage.sql(
        "INSERT INTO payment_requests VALUES (:r, :o, NULL, 'sandbox', :t, 'c', now())", r=request, o=order_no, t=token
    )
    answer: m.UpdateAnswer = await stage.handle(order_no).execute_update(
        names.PAY, m.PayRequest(order_no, request), result_type=m.UpdateAnswer
    )
    return answer


async def resolved(stage: Stage, order_no: str, action: str, value: Any = None) -> None:
    await resolve(stage, order_no, await stage.resolution(order_no, action, value), action)


async def update_with_start(stage: Stage, order_no: str, update: str, request: Any) -> m.UpdateAnswer:
    """An update that begins a run when none is open."""
    start: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
        names.ORDER,
        m.StartOrder(order_no),
        id=names.order_workflow(order_no),
        task_queue=stage.settings.task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
    )
    answer: m.UpdateAnswer = await stage.client.execute_update_with_start_workflow(
        update, request, start_workflow_operation=start, result_type=m.UpdateAnswer
    )
    return answer


@scenario
async def plain(stage: Stage) -> str:
    return await delivered(stage, await placed(stage))


@scenario
async def delivered_at_once(stage: Stage) -> str:
    """The carrier tells only the end."""
    order_no = await placed(stage)
    await stage.reaches(order_no, "preparing")
    await stage.carrier_says(order_no, "delivered")
    await stage.reaches(order_no, "completed")
    return order_no


@scenario
async def declined_then_paid(stage: Stage) -> str:
    order_no = await placed(stage, token="tok_decline")
    await noted(stage, order_no, "payment_declined")
    assert (await pay_again(stage, order_no)).outcome == "captured"
    return await delivered(stage, order_no)


@scenario
async def out_of_stock(stage: Stage) -> str:
    await stage.stock("RARE", 1)
    order_no = await placed(stage, sku="RARE", quantity=2)
    await stage.reaches(order_no, "cancelled")
    return order_no


@scenario
async def backorder(stage: Stage) -> str:
    await stage.stock("LATE", 1)
    order_no = await placed(stage, sku="LATE", quantity=5, backorder=True)
    await noted(stage, order_no, "stock_short")
    await stage.stock("LATE", 4)
    await stage.handle(order_no).signal(names.STOCK_ARRIVED)
    return await delivered(stage, order_no)


@scenario
async def pending_payment(stage: Stage) -> str:
    """The provider decides later and tells us."""
    order_no = await placed(stage, token="tok_pending")
    await eventually(lambda: stage.payments(order_no) == [("authorise", "succeeded")])
    row = (await stage.sql("SELECT idempotency_key, provider_ref FROM payments WHERE order_no = :o", o=order_no))[0]
    fact = {"provider_ref": row.provider_ref, "kind": "authorise", "status": "succeeded", "amount_minor": 1000}
    await stage.inbox("payment", order_no, {**fact, "currency": "CNY", "idempotency_key": row.idempotency_key})
    return await delivered(stage, order_no)


@scenario
async def paid_at_the_provider(stage: Stage) -> str:
    """A bank transfer pays the order, a second one goes back."""
    order_no = await placed(stage, token=None)
    await stage.reaches(order_no, "pending_payment")
    await pay_directly(stage, order_no, 1000)
    await stage.reaches(order_no, "preparing")
    await pay_directly(stage, order_no, 1000)
    await eventually(lambda: ("refund", "succeeded") in stage.payments(order_no))
    return await delivered(stage, order_no)


@scenario
async def reviewed(stage: Stage) -> str:
    order_no = await placed(stage, token="tok_review")
    await stage.parked(order_no)
    await resolved(stage, order_no, "skip")
    return await delivered(stage, order_no)


@scenario
async def cancelled_after_booking(stage: Stage) -> str:
    order_no = await placed(stage)
    await stage.reaches(order_no, "preparing")
    await cancel(stage, order_no)
    await stage.reaches(order_no, "cancelled")
    return order_no


@scenario
async def cancelled_before_payment(stage: Stage) -> str:
    order_no = await placed(stage, token=None)
    await stage.reaches(order_no, "pending_payment")
    await cancel(stage, order_no)
    await stage.reaches(order_no, "cancelled")
    return order_no


@scenario
async def refused_cancel(stage: Stage) -> str:
    order_no = await placed(stage)
    await stage.reaches(order_no, "preparing")
    parcel = stage.sandbox.http.get("/shipments", params={"order_no": order_no}).json()["items"][0]
    stage.sandbox.http.post(f"/shipments/{parcel['id']}/advance", json={"status": "picked_up"})
    try:
        await cancel(stage, order_no)
    except Exception as error:
        assert "parcel_on_its_way" in str(error.__cause__)
    await stage.reaches(order_no, "shipped")
    await stage.carrier_says(order_no, "delivered")
    await stage.reaches(order_no, "completed")
    return order_no


@scenario
async def parked_and_amended(stage: Stage) -> str:
    order_no = await placed(stage, line1=f"UNDELIVERABLE {STREET}")
    await stage.parked(order_no)
    await resolved(stage, order_no, "amend", AMENDED)
    return await delivered(stage, order_no)


@scenario
async def parked_and_changed(stage: Stage) -> str:
    """The customer corrects the address: the booking goes on automatically."""
    order_no = await placed(stage, line1=f"UNDELIVERABLE {STREET}")
    await stage.parked(order_no)
    await readdress(stage, order_no, AMENDED)
    return await delivered(stage, order_no)


@scenario
async def parked_and_retried_by_signal(stage: Stage) -> str:
    order_no = await placed(stage)
    stage.fault("carriers", "error", 5, order_no=order_no)
    await stage.parked(order_no)
    await stage.handle(order_no).signal(names.RETRY_PARKED)
    return await delivered(stage, order_no)


@scenario
async def parked_and_skipped(stage: Stage) -> str:
    order_no = await placed(stage)
    stage.fault("carriers", "reject", 1, order_no=order_no)
    await stage.parked(order_no)
    await resolved(stage, order_no, "skip", {"carrier": "SF", "tracking_no": "SF1"})
    await stage.reaches(order_no, "preparing")
    return order_no


@scenario
async def parked_and_compensated(stage: Stage) -> str:
    order_no = await placed(stage)
    stage.fault("carriers", "reject", 1, order_no=order_no)
    await stage.parked(order_no)
    await resolved(stage, order_no, "compensate")
    await stage.reaches(order_no, "cancelled")
    return order_no


@scenario
async def capture_refused(stage: Stage) -> str:
    """The authorisation goes back and the customer pays again."""
    order_no = await placed(stage)
    stage.fault("payments", "reject", 1, order_no=order_no, kind="capture")
    await eventually(lambda: ("void", "succeeded") in stage.payments(order_no))
    await pay_again(stage, order_no)
    return await delivered(stage, order_no)


@scenario
async def refund_parked(stage: Stage) -> str:
    order_no = await placed(stage)
    await stage.reaches(order_no, "preparing")
    stage.fault("payments", "reject", 1, order_no=order_no, kind="refund")
    await cancel(stage, order_no)
    await stage.parked(order_no)
    await resolved(stage, order_no, "retry")
    await stage.reaches(order_no, "cancelled")
    return order_no


@scenario
async def lost_parcel(stage: Stage) -> str:
    order_no = await placed(stage)
    await stage.reaches(order_no, "preparing")
    await stage.carrier_says(order_no, "lost")
    await stage.parked(order_no)
    await resolved(stage, order_no, "compensate")
    await stage.reaches(order_no, "cancelled")
    return order_no


@scenario
async def lost_parcel_found(stage: Stage) -> str:
    order_no = await placed(stage)
    await stage.reaches(order_no, "preparing")
    await stage.carrier_says(order_no, "lost")
    await stage.parked(order_no)
    await stage.carrier_says(order_no, "delivered")
    await stage.reaches(order_no, "completed")
    return order_no


@scenario
async def stray_payment_after_cancel(stage: Stage) -> str:
    """Money for a cancelled order begins a run of its own, which gives it back."""
    order_no = await placed(stage, token=None)
    await stage.reaches(order_no, "pending_payment")
    await cancel(stage, order_no)
    await stage.handle(order_no).result()
    await pay_directly(stage, order_no, 1000)
    await eventually(lambda: ("refund", "succeeded") in stage.payments(order_no))
    await stage.handle(order_no).result()
    return order_no


@scenario
async def begun_by_an_update(stage: Stage) -> str:
    """Update-with-start after the loss of the run: the update arrives before the database is read."""
    order_no = await placed(stage)
    await stage.reaches(order_no, "preparing")
    await stage.handle(order_no).terminate()
    await update_with_start(stage, order_no, names.CANCEL, m.CancelRequest(order_no, "customer_request", "customer:c"))
    await stage.reaches(order_no, "cancelled")
    return order_no


@scenario
async def still_waiting(stage: Stage) -> str:
    """A run that is still open."""
    order_no = await placed(stage, token=None)
    await stage.reaches(order_no, "pending_payment")
    return order_no


@hasty
async def expired_payment(stage: Stage) -> str:
    order_no = await placed(stage, token=None)
    await stage.reaches(order_no, "cancelled")
    return order_no


@hasty
async def escalated(stage: Stage) -> str:
    order_no = await placed(stage)
    stage.fault("carriers", "reject", 1, order_no=order_no)
    await stage.parked(order_no)
    await noted(stage, order_no, "step_escalated")
    await resolved(stage, order_no, "retry")
    return await delivered(stage, order_no)
