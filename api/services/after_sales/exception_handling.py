"""What becomes of a parcel that is lost or refused: what HTTP, the console and the customer's portal all do."""

from dataclasses import dataclass, field
from typing import Literal, get_args

from api.dependencies import Services, actor, derived_id
from api.errors import Problem
from api.idempotency import run_in_transaction
from api.replies import Reply
from api.schemas.after_sales.delivery_exceptions import AnswerProblem, CameBack, ProblemAnswered
from api.schemas.orders.order_parts import SkuQuantity
from api.services.after_sales.keyed_request import KeyedRequest
from domain.access import Principal
from domain.errors import Conflict
from infra.db.after_sales import delivery_exceptions
from infra.db.after_sales.delivery_exceptions import DeliveryException as Trouble
from infra.db.after_sales.delivery_exceptions import ReceivedParcel, Resend
from infra.db.approvals import approval_limits
from infra.db.approvals.approval_limits import Limits, Moved
from infra.db.engine import Connection
from infra.db.orders.changing import staff_actions
from infra.db.orders.changing.staff_actions import StaffAction
from infra.db.orders.state import timeline
from infra.db.stock.reservations import StockContended

Choice = Literal["reship", "refund"]
CHOICES: tuple[Choice, ...] = get_args(Choice)


@dataclass(frozen=True, slots=True)
class ExceptionOptions:
    """What happened to the parcel, what each choice that is possible would mean, and why another is not (a code)."""

    parcel: str
    means: dict[Choice, ProblemAnswered] = field(default_factory=dict)
    refused: dict[Choice, str] = field(default_factory=dict)


async def preview(services: Services, caller: Principal, number: str, choice: Choice) -> ProblemAnswered:
    """What the choice would mean. Raises as `choose` does."""
    async with services.database.begin() as conn:
        trouble = await delivery_exceptions.exception_of(conn, number)
        if choice == "refund":
            await _require_no_approval(conn, services, caller, trouble)
            return _answer(trouble, choice, refund_minor=trouble.refund_minor)
        return _answer(trouble, choice, resend=await delivery_exceptions.resend_of(conn, number, trouble.part))


async def options_of(services: Services, caller: Principal, number: str) -> ExceptionOptions:
    """Both choices, each with its consequence; one that is not possible with its reason. Raises Conflict
    `no_delivery_problem`."""
    async with services.database.begin() as conn:
        trouble = await delivery_exceptions.exception_of(conn, number)
    options = ExceptionOptions(trouble.parcel)
    for choice in CHOICES:
        try:
            options.means[choice] = await preview(services, caller, number, choice)
        except (Conflict, Problem) as refusal:
            options.refused[choice] = refusal.code
    return options


async def choose(services: Services, keyed: KeyedRequest, number: str, decision: AnswerProblem) -> Reply:
    """Decide it in the database; the order's workflow carries it out.

    Raises Conflict `no_delivery_problem`, `stock_short`, `refund_waiting`, `nothing_to_send`; Problem
    `second_person_needed`.
    """
    caller, by = keyed.caller, actor(keyed.caller)

    async def work(conn: Connection) -> dict[str, object]:
        await timeline.lock_order(conn, number)
        trouble = await delivery_exceptions.exception_of(conn, number)
        given = 0
        if decision.choice == "refund" and caller.is_staff:
            given = await _require_no_approval(conn, services, caller, trouble)
        if decision.reason is not None or given:
            act_id = f"act_{derived_id(caller, keyed.key, f'parcel {number}')}"
            action = StaffAction(
                act_id, number, "parcel", decision.choice, by, decision.reason or "", moved_minor=given
            )
            await staff_actions.save(conn, services.keys, action)
        if decision.choice == "refund":
            await delivery_exceptions.refund(conn, trouble, by, services.settings)
            return _answer(trouble, decision.choice, refund_minor=trouble.refund_minor).model_dump()
        resend = await delivery_exceptions.reship(conn, trouble, by)
        return _answer(trouble, decision.choice, resend=resend).model_dump()

    try:
        return await run_in_transaction(services, keyed.claim, 200, work)
    except StockContended:
        raise Conflict("stock_short", "another order was faster: ask again, or choose refund") from None


async def _require_no_approval(conn: Connection, services: Services, caller: Principal, trouble: Trouble) -> int:
    """The carrier's report lets the customer have the money back; staff who give back much need an approver.
    Answers with what it adds to what was given of the order. Raises Problem `second_person_needed`."""
    if not caller.is_staff:
        return 0
    added = await delivery_exceptions.added_minor(conn, trouble)
    moved = Moved(trouble.refund_minor, added, trouble.currency)
    limits = Limits.from_settings(services.settings)
    if await approval_limits.needs_two(conn, limits, trouble.order_no, moved, actor(caller), of_step=True):
        raise Problem(
            "second_person_needed",
            "as much as this is given back by two: compensate the step with the support call resolve",
        )
    return added


async def receive(services: Services, keyed: KeyedRequest, shipment_id: str, parcel: CameBack) -> Reply:
    """A parcel that was refused, or lost and found, is at the warehouse again: what is in it goes into quarantine.

    Raises NotFound `shipment_not_found`; Conflict `parcel_not_expected`, `parcel_came_back`, `more_than_sent`.
    """
    arrived: dict[str, int] = {}
    for line in parcel.lines or ():
        arrived[line.sku] = arrived.get(line.sku, 0) + line.quantity

    async def work(conn: Connection) -> ReceivedParcel:
        await timeline.lock_order(conn, await delivery_exceptions.order_of(conn, shipment_id))
        return await delivery_exceptions.receive_undeliverable(conn, shipment_id, arrived or None, actor(keyed.caller))

    return await run_in_transaction(services, keyed.claim, 200, work)


def _answer(
    trouble: Trouble, choice: Choice, *, refund_minor: int = 0, resend: Resend | None = None
) -> ProblemAnswered:
    goods = sorted(resend.goods.items()) if resend else []
    return ProblemAnswered(
        order_no=trouble.order_no,
        choice=choice,
        shipment_id=trouble.shipment_id,
        parcel=trouble.parcel,
        refund_minor=refund_minor,
        currency=trouble.currency,
        warehouse=resend.warehouse if resend else None,
        lines=[SkuQuantity(sku=sku, quantity=units) for sku, units in goods],
        order_goes_on=trouble.part is not None and not trouble.part.alone,
    )
