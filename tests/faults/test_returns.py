"""The worker is killed, Temporal's file is lost, in the middle of a return, of an exchange that is sent first, or of a
change that costs more: each comes to its end all the same, and nobody pays twice."""

import secrets
from collections.abc import AsyncIterator

import pytest

from tests.faults.driver import basket, carry, pay, place, post, stocked
from tests.faults.stackrun import StackRun, until
from tests.faults.verdict import consistent

pytestmark = pytest.mark.faults
PRICE = 1000


@pytest.fixture(scope="module")
async def patient(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[StackRun]:
    """A stack on which returns can be asked for: neither the window nor a payment runs out in a test."""
    run = StackRun(
        tmp_path_factory.mktemp("patient"),
        env={"OMS_RETURN_WINDOW_S": "600", "OMS_PAYMENT_TIMEOUT_S": "600"},
        options=("--manual-carrier",),
    )
    async with run.standing():
        yield run


async def request_return(stack: StackRun) -> tuple[str, str, str]:
    """(order number, return id, SKU) of a return that was just asked for."""
    sku = await stocked(stack, 10)
    order_no = await place(stack, basket(sku, quantity=2))
    await stack.reaches(order_no, "preparing")
    await carry(stack, order_no, "picked_up", "delivered")
    await stack.reaches(order_no, "delivered")
    body = {"lines": [{"sku": sku, "quantity": 1}], "reason": "too green", "resolution": "refund"}
    answer = await post(stack, f"/v1/orders/{order_no}/returns", body)
    assert answer.status_code == 201, answer.text
    return order_no, answer.json()["return_id"], sku


async def handled(stack: StackRun, return_id: str, sku: str) -> None:
    """Received and inspected: decided in the database, whoever is dead."""
    found = {"lines": [{"sku": sku, "quantity": 1, "condition": "as_new"}]}
    for verb in ("receive", "inspect"):
        answer = await post(stack, f"/v1/returns/{return_id}/{verb}", found, "warehouse", key=secrets.token_hex(8))
        assert answer.status_code == 200, answer.text


async def ends_well(stack: StackRun, order_no: str, return_id: str, sku: str) -> None:
    async def completed() -> bool:
        rows = await stack.sql("SELECT status FROM returns WHERE return_id = %(r)s", r=return_id)
        return bool(rows[0]["status"] == "completed")

    await until(completed, f"{return_id} of {order_no} is completed")
    paid = [item for item in await stack.items("/payments", order_no=order_no) if item["kind"] == "refund"]
    assert [(item["amount_minor"], item["status"]) for item in paid] == [(PRICE, "succeeded")]
    level = await stack.sql("SELECT on_hand, quarantined FROM stock_levels WHERE sku = %(s)s AND on_hand > 0", s=sku)
    assert [(row["on_hand"], row["quarantined"]) for row in level] == [(9, 0)]
    events = await stack.events(order_no)
    for once in ("return_received", "return_inspected", "return_completed", "refund_opened"):
        assert events.count(once) == 1, events
    await consistent(stack)


async def test_a_worker_that_is_killed_loses_no_return(patient: StackRun) -> None:
    order_no, return_id, sku = await request_return(patient)
    await patient.kill("worker")
    await patient.fault("payments", "slow", order_no=order_no, kind="refund")
    await handled(patient, return_id, sku)
    await intent(patient, order_no, "order")  # its refund is being paid
    await patient.kill("worker")
    await ends_well(patient, order_no, return_id, sku)


async def test_temporal_forgets_everything_in_the_middle_of_a_return(patient: StackRun) -> None:
    order_no, return_id, sku = await request_return(patient)

    async def labelled() -> bool:
        return bool(await patient.sql("SELECT 1 FROM return_labels WHERE return_id = %(r)s", r=return_id))

    await until(labelled, "the label is booked")
    patient.stop()
    for file in (patient.data_dir / "temporal").glob("temporal.db*"):
        file.unlink()
    await patient.start()
    recovered = patient.oms("recover")
    assert recovered.returncode == 0, recovered.stdout
    await handled(patient, return_id, sku)
    await ends_well(patient, order_no, return_id, sku)


async def intent(stack: StackRun, order_no: str, purpose: str) -> None:
    """Wait until a provider is being asked for it."""

    async def begun() -> bool:
        return bool(
            await stack.sql(
                "SELECT 1 FROM payments WHERE order_no = %(o)s AND purpose = %(p)s AND status = 'intent'",
                o=order_no, p=purpose,
            )
        )  # fmt: skip

    await until(begun, f"{purpose} of {order_no} is under way")


async def until_event(stack: StackRun, order_no: str, kind: str) -> None:
    async def there() -> bool:
        return kind in await stack.events(order_no)

    await until(there, f"{order_no} tells {kind}")


async def charged(stack: StackRun, order_no: str) -> list[tuple[str, int]]:
    """What the provider did for the order, in its order."""
    items = await stack.items("/payments", order_no=order_no)
    return [(item["kind"], item["amount_minor"]) for item in items if item["status"] == "succeeded"]


@pytest.mark.parametrize("step", ["authorise", "capture"])
async def test_a_worker_that_is_killed_while_a_difference_is_paid_takes_it_once(patient: StackRun, step: str) -> None:
    sku = await stocked(patient, 10)
    order_no = await place(patient, basket(sku, token=None))
    await patient.reaches(order_no, "pending_payment")
    hold = {"kind": "address", "reason": "is there such a street?"}
    assert (await post(patient, f"/v1/orders/{order_no}/holds", hold, "support")).is_success
    await pay(patient, order_no)
    await patient.reaches(order_no, "paid")
    await patient.fault("payments", "slow", order_no=order_no, kind=step)
    body = {"lines": [{"sku": sku, "quantity": 3}], "payment": {"method": "sandbox", "token": "tok_ok"}}
    async with patient.client() as http:
        headers = {"Idempotency-Key": secrets.token_hex(8), "If-Match": "*"}
        answer = await http.patch(f"/v1/orders/{order_no}", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    await intent(patient, order_no, "supplement")
    await patient.kill("worker")
    await until_event(patient, order_no, "order_changed")
    once = [("authorise", PRICE), ("capture", PRICE), ("authorise", 2 * PRICE), ("capture", 2 * PRICE)]
    assert await charged(patient, order_no) == once
    order = await patient.order(order_no)
    assert (order["total_minor"], order["status"]) == (3 * PRICE, "paid")
    await consistent(patient)


async def test_a_worker_that_is_killed_while_a_guarantee_is_authorised_sends_the_new_goods_once(
    patient: StackRun,
) -> None:
    sku = await stocked(patient, 10)
    order_no = await place(patient, basket(sku))
    await patient.reaches(order_no, "preparing")
    await carry(patient, order_no, "picked_up", "delivered")
    await patient.reaches(order_no, "delivered")
    await patient.fault("payments", "slow", order_no=order_no, kind="authorise")
    body = {"lines": [{"sku": sku, "quantity": 1}], "reason": "too green", "resolution": "exchange", "advance": True}
    payment = {"payment": {"method": "sandbox", "token": "tok_ok"}}
    answer = await post(patient, f"/v1/orders/{order_no}/returns", body | payment)
    assert answer.status_code == 201, answer.text
    await intent(patient, order_no, "guarantee")
    await patient.kill("worker")
    await until_event(patient, order_no, "exchange_sent")
    assert await charged(patient, order_no) == [("authorise", PRICE), ("capture", PRICE), ("authorise", PRICE)]
    (new,) = await patient.sql("SELECT order_no FROM orders WHERE exchange_of = %(o)s", o=order_no)
    await patient.reaches(new["order_no"], "preparing")
    assert len(await patient.items("/shipments", order_no=new["order_no"])) == 1
    await consistent(patient)
