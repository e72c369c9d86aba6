"""The worker is killed, Temporal's file is lost, in the middle of a return: it comes to its end all the same."""

import secrets
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.faults.driver import basket, carry, place, post, stocked
from tests.faults.stackrun import StackRun, until

pytestmark = pytest.mark.faults
PRICE = 1000


@pytest.fixture(scope="module")
async def patient(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[StackRun]:
    """A stack on which returns can be asked for: its return window does not close during a test."""
    run = StackRun(
        tmp_path_factory.mktemp("patient"), env={"OMS_RETURN_WINDOW_S": "600"}, options=("--manual-carrier",)
    )
    async with run.standing():
        yield run


async def asked(stack: StackRun) -> tuple[str, str, str]:
    """(order number, return id, SKU) of a return that was just asked for."""
    sku = await stocked(stack, 10)
    order_no = await place(stack, basket(sku, quantity=2))
    await stack.reaches(order_no, "preparing")
    await carry(stack, order_no, "picked_up", "delivered")
    await stack.reaches(order_no, "delivered")
    wish = {"lines": [{"sku": sku, "quantity": 1}], "reason": "too green", "resolution": "refund"}
    answer = await post(stack, f"/v1/orders/{order_no}/returns", wish)
    assert answer.status_code == 201, answer.text
    return order_no, answer.json()["return_id"], sku


async def handled(stack: StackRun, return_id: str, sku: str) -> None:
    """Received and inspected: decided in the books, whoever is dead."""
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
    checked: Any = stack.oms("ledger", "check")
    assert checked.returncode == 0, checked.stdout


async def test_a_worker_that_is_killed_loses_no_return(patient: StackRun) -> None:
    order_no, return_id, sku = await asked(patient)
    await patient.kill("worker")
    await handled(patient, return_id, sku)
    await patient.kill("worker")
    await ends_well(patient, order_no, return_id, sku)


async def test_temporal_forgets_everything_in_the_middle_of_a_return(patient: StackRun) -> None:
    order_no, return_id, sku = await asked(patient)

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
