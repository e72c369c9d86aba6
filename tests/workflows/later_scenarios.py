"""Stories of orders that are held, made more expensive or refunded."""

from tests.factories.change_payments import make_more_expensive
from tests.factories.holds import hold, release
from tests.factories.refunds import paid_out, refund
from tests.order_stage import Stage, eventually
from tests.workflows.on_terms import buyer, pay, place_on_terms
from tests.workflows.orders.test_order import cancel
from tests.workflows.scenarios import Scenario, delivered, pay_again, placed, resolved
from tests.workflows.split_orders import booked, part_says
from tests.workflows.suppliers import asked, is_over, refuses, ships, stocked_at, supplied, supplier
from tests.workflows.suppliers import delivered as deliver_supplied
from tests.workflows.unstocked import produced, product
from workflows import names
from workflows import payloads as m

LATER: dict[str, Scenario] = {}


def later(scenario: Scenario) -> Scenario:
    """Register a story under its name."""
    LATER[scenario.__name__] = scenario
    return scenario


@later
async def held_then_released(stage: Stage) -> str:
    order_no = await placed(stage, token=None)
    await stage.reaches(order_no, "pending_payment")
    hold_no = await hold(stage, order_no, "address")
    await pay_again(stage, order_no)
    await stage.reaches(order_no, "paid")
    await release(stage, order_no, hold_no)
    return await delivered(stage, order_no)


@later
async def made_dearer(stage: Stage) -> str:
    """Held, made more expensive twice: the first difference is declined, the second is stuck, tried again and taken."""
    order_no = await placed(stage, token=None)
    await stage.reaches(order_no, "pending_payment")
    hold_no = await hold(stage, order_no, "address")
    await pay_again(stage, order_no)
    await stage.reaches(order_no, "paid")
    await make_more_expensive(stage, order_no, 2, "tok_decline")
    await happened(stage, order_no, "change_undone")
    stage.fault("payments", "error", 5, order_no=order_no, kind="capture")
    await make_more_expensive(stage, order_no, 3)
    await stage.parked(order_no)
    await stage.handle(order_no).signal(names.RETRY_PARKED)
    await happened(stage, order_no, "order_changed")
    await release(stage, order_no, hold_no)
    return await delivered(stage, order_no)


async def happened(stage: Stage, order_no: str, kind: str) -> None:
    """Wait until it is on the order's timeline."""

    async def there() -> bool:
        return kind in await stage.events(order_no)

    await eventually(there)


@later
async def held_too_long(stage: Stage) -> str:
    """Nobody looks into the hold: it escalates, then its default outcome undoes the order."""
    order_no = await placed(stage, token=None)
    await stage.reaches(order_no, "pending_payment")
    await hold(stage, order_no, "risk", outcome="cancel", escalate_s=1, deadline_s=2)
    await stage.reaches(order_no, "cancelled")
    return order_no


async def parked_and_held(stage: Stage, outcome: str) -> str:
    """An order that is stuck at its booking, and held for a second."""
    order_no = await placed(stage)
    stage.fault("carriers", "reject", 1, order_no=order_no)
    await stage.parked(order_no)
    await hold(stage, order_no, "address", outcome=outcome, escalate_s=1, deadline_s=1)
    return order_no


@later
async def hold_overdue_while_parked(stage: Stage) -> str:
    """Recorded when a parked order heard of its hold's deadline only after it was resolved: such runs may be open."""
    order_no = await parked_and_held(stage, "release")
    await eventually(lambda: stage.sql("SELECT FROM holds WHERE order_no = :o AND until < now()", o=order_no))
    await stage.handle(order_no).signal(names.RETRY_PARKED)
    return await delivered(stage, order_no)


@later
async def hold_expired_while_parked(stage: Stage) -> str:
    """The hold's default outcome undoes the order, though nobody has resolved the step."""
    order_no = await parked_and_held(stage, "cancel")
    await stage.reaches(order_no, "cancelled")
    return order_no


@later
async def refunded_before_delivery(stage: Stage) -> str:
    """The first refund sticks and is retried, the second is paid at once."""
    order_no = await placed(stage)
    await stage.reaches(order_no, "preparing")
    stage.fault("payments", "reject", 1, order_no=order_no, kind="refund")
    first = await refund(stage, order_no, amount_minor=300)
    await stage.parked(order_no)
    await resolved(stage, order_no, "retry")
    await paid_out(stage, first)
    await paid_out(stage, await refund(stage, order_no, amount_minor=200))
    return await delivered(stage, order_no)


@later
async def refunded_after_completion(stage: Stage) -> str:
    """The workflow has closed: a run of its own pays."""
    order_no = await delivered(stage, await placed(stage))
    await stage.handle(order_no).result()
    await paid_out(stage, await refund(stage, order_no, amount_minor=300))
    return order_no


@later
async def refunded_beside_a_stuck_step(stage: Stage) -> str:
    order_no = await placed(stage)
    await stage.reaches(order_no, "preparing")
    await stage.carrier_says(order_no, "lost")
    await stage.parked(order_no)
    await paid_out(stage, await refund(stage, order_no, amount_minor=300))
    await stage.carrier_says(order_no, "delivered")
    await stage.reaches(order_no, "completed")
    return order_no


@later
async def shipped_by_a_supplier(stage: Stage) -> str:
    """The first one refuses; the second one does not answer in time, gets more, and ships."""
    await supplier(stage)
    await supplier(stage, "SUP-B")
    sku = await supplied(stage)
    order_no = await stage.place(sku, 2)
    await asked(stage, order_no)
    await stocked_at(stage, sku, "SUP-B", 2)
    await refuses(stage, order_no)
    await asked(stage, order_no, 2)
    await stage.sql("UPDATE fulfilments SET due_at = now() WHERE order_no = :o AND number = 2", o=order_no)
    await stage.handle(order_no).signal(names.AFTER_SALES)
    assert (await stage.parked(order_no)).error == "supplier_silent"
    await resolved(stage, order_no, "retry")
    await is_over(stage, order_no)
    await ships(stage, order_no, 2)
    await deliver_supplied(stage, order_no, 2)
    await stage.reaches(order_no, "completed")
    return order_no


@later
async def cancelled_while_a_supplier_ships(stage: Stage) -> str:
    """The supplier is asked to keep the parcel, and has shipped it already."""
    await supplier(stage)
    order_no = await stage.place(await supplied(stage), 1)
    await asked(stage, order_no)
    cancel = m.CancelRequest(order_no, "customer_request", "test")
    await stage.handle(order_no).execute_update(names.CANCEL, cancel)
    assert (await stage.parked(order_no)).error == "supplier_asked"
    await ships(stage, order_no)
    await stage.reaches(order_no, "shipped")
    await deliver_supplied(stage, order_no)
    await stage.reaches(order_no, "completed")
    return order_no


@later
async def paid_on_terms(stage: Stage) -> str:
    """Shipped unpaid; the first payment is declined, the second is taken after the delivery."""
    order_no = await place_on_terms(stage, await buyer(stage), 2)
    await stage.reaches(order_no, "preparing")
    await stage.carrier_says(order_no, "picked_up", "delivered")
    await stage.reaches(order_no, "delivered")
    await pay(stage, order_no, "tok_decline")
    await pay(stage, order_no)
    await stage.reaches(order_no, "completed")
    return order_no


@later
async def cancelled_on_terms(stage: Stage) -> str:
    """Cancelled before it is paid: nothing is owed any more."""
    order_no = await place_on_terms(stage, await buyer(stage), 2)
    await stage.reaches(order_no, "preparing")
    await cancel(stage, order_no)
    await stage.reaches(order_no, "cancelled")
    return order_no


@later
async def made_and_performed(stage: Stage) -> str:
    """Made to order, beside a service that counts as performed at once."""
    service = await product(stage, "virtual", delivered_by="confirmation", confirmed_after_days=0)
    order_no = await stage.place(await product(stage, "made_to_order"), 1, beside=[service])
    await stage.reaches(order_no, "preparing")
    await produced(stage, order_no)
    await booked(stage, order_no, 1)
    await part_says(stage, order_no, 1, "picked_up", "delivered")
    await stage.reaches(order_no, "completed")
    return order_no
