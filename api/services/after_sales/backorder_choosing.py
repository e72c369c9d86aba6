"""What becomes of the goods that an order waits for: what HTTP, the console and the customer's portal all do."""

from api.dependencies import Services, actor, derived_id
from api.errors import Problem
from api.idempotency import run_in_transaction
from api.replies import Reply
from api.schemas.after_sales.backorder_choices import BackorderChosen, ChooseBackorder
from api.services.after_sales.keyed_request import KeyedRequest
from domain.access import Principal
from domain.orders.backorder_choices import BackorderChoice
from domain.times import rfc3339
from infra.db.after_sales import backorder_choices
from infra.db.after_sales.backorder_choices import Backorder
from infra.db.approvals import approval_limits
from infra.db.approvals.approval_limits import Limits, Moved
from infra.db.engine import Connection
from infra.db.orders.changing import staff_actions
from infra.db.orders.changing.staff_actions import StaffAction
from infra.db.orders.state import timeline


async def preview(services: Services, caller: Principal, number: str, choice: BackorderChoice) -> BackorderChosen:
    """What the choice would mean. Raises as `choose` does."""
    async with services.database.begin() as conn:
        backorder = await backorder_choices.backorder_of(conn, number)
        await _require_no_approval(conn, services, caller, backorder, choice)
        return _answer(backorder, choice)


async def choose(services: Services, keyed: KeyedRequest, number: str, decision: ChooseBackorder) -> Reply:
    """Decide it in the database; the order's workflow carries it out.

    Raises Conflict `no_backorder`; Problem `second_person_needed`.
    """
    caller, by = keyed.caller, actor(keyed.caller)

    async def work(conn: Connection) -> dict[str, object]:
        await timeline.lock_order(conn, number)
        backorder = await backorder_choices.backorder_of(conn, number)
        given = await _require_no_approval(conn, services, caller, backorder, decision.choice)
        if decision.reason is not None or given:
            act_id = f"act_{derived_id(caller, keyed.key, f'backorder {number}')}"
            reason = decision.reason or ""
            action = StaffAction(act_id, number, "backorder", decision.choice, by, reason, moved_minor=given)
            await staff_actions.save(conn, services.keys, action)
        await backorder_choices.choose(conn, backorder, decision.choice, by, services.settings)
        return _answer(backorder, decision.choice).model_dump(mode="json")

    return await run_in_transaction(services, keyed.claim, 200, work)


async def _require_no_approval(
    conn: Connection, services: Services, caller: Principal, backorder: Backorder, choice: BackorderChoice
) -> int:
    """A customer may have the money of goods that are missing back; staff who give back much need an approver. Answers
    with what it adds to what was given of the order. Raises Problem `second_person_needed`."""
    if not caller.is_staff or choice is BackorderChoice.WAIT or not backorder.refund_minor:
        return 0
    minor = backorder.refund_minor
    limits, moved = Limits.from_settings(services.settings), Moved(minor, minor, backorder.currency)
    if await approval_limits.needs_two(conn, limits, backorder.order_no, moved, actor(caller), of_step=True):
        raise Problem("second_person_needed", "as much as this is given back by two: the customer can cancel it alone")
    return minor


def _answer(backorder: Backorder, choice: BackorderChoice) -> BackorderChosen:
    return BackorderChosen(
        order_no=backorder.order_no,
        choice=choice,
        fulfilment_id=backorder.fulfilment_id,
        promised_to=rfc3339(backorder.promised_to) if backorder.promised_to else None,
        refund_minor=backorder.refund_minor if choice is BackorderChoice.CANCEL else 0,
        currency=backorder.currency,
        order_goes_on=backorder.order_goes_on,
    )
