"""Stories of second parcels and of new goods that go out before the old ones are back."""

from domain.after_sales.returns import Resolution
from domain.orders.backorder_choices import BackorderChoice
from infra.db.after_sales import delivery_exceptions
from infra.db.orders.state import timeline
from tests.factories.return_handling import ask, becomes, delivered_order, inspect, receive
from tests.order_stage import Stage, eventually
from tests.workflows.later_scenarios import happened
from tests.workflows.scenarios import STREET, Scenario, placed, resolved
from tests.workflows.split_orders import (
    arrive,
    booked,
    decide,
    part_says,
    partly,
    pay,
    restocked,
    second_warehouse,
    split_order,
)
from workflows import names

SECOND: dict[str, Scenario] = {}


def second(scenario: Scenario) -> Scenario:
    """Register a story under its name."""
    SECOND[scenario.__name__] = scenario
    return scenario


@second
async def parcel_sent_again(stage: Stage) -> str:
    """Lost, sent again, refused, sent again, delivered."""
    order_no = await placed(stage)
    await stage.reaches(order_no, "preparing")
    for what in ("lost", "refused"):
        await stage.carrier_says(order_no, what)
        await stage.parked(order_no)
        async with stage.database.begin() as conn:
            await timeline.lock_order(conn, order_no)
            problem = await delivery_exceptions.exception_of(conn, order_no)
            await delivery_exceptions.reship(conn, problem, "customer:c")
        await another_parcel(stage, order_no)
    await stage.carrier_says(order_no, "delivered")
    await stage.reaches(order_no, "completed")
    return order_no


async def another_parcel(stage: Stage, order_no: str) -> None:
    """Wait until the one that is not given up is booked."""

    async def there() -> bool:
        return bool(
            await stage.sql(
                "SELECT 1 FROM shipments WHERE order_no = :o AND replaced_at IS NULL AND status = 'booked'", o=order_no
            )
        )

    await eventually(there)


@second
async def split_and_parked(stage: Stage) -> str:
    """Two warehouses; one part cannot be booked at first, the other one is lost and sent again."""
    await second_warehouse(stage)
    order_no = await split_order(stage, token=None, line1=STREET)
    await stage.reaches(order_no, "pending_payment")
    stage.fault("carriers", "reject", 1, order_no=order_no)
    await pay(stage, order_no)
    parked = await stage.parked(order_no)
    number = int(parked.subject.rpartition("-F")[2])
    await booked(stage, order_no, 3 - number)
    await resolved(stage, order_no, "retry")
    await booked(stage, order_no, number)
    await restocked(stage, order_no)
    await part_says(stage, order_no, 3 - number, "lost")
    await stage.parked(order_no)
    async with stage.database.begin() as conn:
        await timeline.lock_order(conn, order_no)
        problem = await delivery_exceptions.exception_of(conn, order_no)
        await delivery_exceptions.reship(conn, problem, "customer:c")
    await booked(stage, order_no, 3 - number)
    for part in (1, 2):
        await part_says(stage, order_no, part, "picked_up", "delivered")
    await stage.reaches(order_no, "completed")
    return order_no


@second
async def rest_follows(stage: Stage) -> str:
    """What is there ships; the rest arrives at two warehouses, and each sends a part of it."""
    await second_warehouse(stage)
    order_no, sku = await partly(stage, line1=STREET)
    await booked(stage, order_no, 1)
    await part_says(stage, order_no, 1, "picked_up", "delivered")
    await arrive(stage, sku, 1)
    await arrive(stage, sku, 2, "WH-SOUTH")
    for part in (2, 3):
        await booked(stage, order_no, part)
        await part_says(stage, order_no, part, "picked_up", "delivered")
    await stage.reaches(order_no, "completed")
    return order_no


@second
async def rest_cancelled(stage: Stage) -> str:
    """What is there ships; the customer does not wait for the rest."""
    order_no, _ = await partly(stage, line1=STREET)
    await booked(stage, order_no, 1)
    await decide(stage, order_no, BackorderChoice.CANCEL)
    await happened(stage, order_no, "payment_refunded")
    await part_says(stage, order_no, 1, "picked_up", "delivered")
    await stage.reaches(order_no, "completed")
    return order_no


async def sent_first(stage: Stage) -> tuple[str, str]:
    """(order number, return id) of an exchange whose guarantee stands."""
    order_no = await delivered_order(stage, line1=STREET)
    return_id = await ask(stage, order_no, resolution=Resolution.EXCHANGE, guarantee=("sandbox", "tok_ok"))
    await happened(stage, order_no, "guarantee_authorised")
    (new,) = await stage.sql("SELECT new_order_no FROM exchanges WHERE return_id = :r", r=return_id)
    await stage.reaches(new.new_order_no, "preparing")
    await stage.carrier_says(new.new_order_no, "picked_up")
    await stage.reaches(new.new_order_no, "shipped")
    return order_no, return_id


@second
async def guarantee_released(stage: Stage) -> str:
    order_no, return_id = await sent_first(stage)
    await receive(stage, return_id)
    await inspect(stage, return_id)
    await happened(stage, order_no, "guarantee_released")
    await stage.reaches(order_no, "completed")
    return order_no


@second
async def guarantee_claimed(stage: Stage) -> str:
    """The old goods never come: the return's deadline is here at once."""
    order_no, return_id = await sent_first(stage)
    await stage.sql("UPDATE returns SET reminded_at = now(), deadline = now() WHERE return_id = :r", r=return_id)
    await stage.client.get_workflow_handle(names.return_workflow(return_id)).signal(names.RETURN_CHANGED)
    await happened(stage, order_no, "guarantee_claimed")
    await becomes(stage, return_id, "expired")
    await stage.reaches(order_no, "completed")
    return order_no
