"""Paying for an order, or paying again after a decline."""

from api.dependencies import Services, actor, derived_id, methods
from api.errors import Problem
from api.idempotency import WorkflowCall, request_of, run_by_workflow
from api.replies import Reply
from api.schemas.orders.orders import Payment
from domain.access import Principal, Role
from domain.payments.transactions import outcome_of
from infra.db.engine import Connection
from infra.db.orders.state.order_state import load_state
from infra.db.payments import payment_requests, store_credit
from workflows import names
from workflows.payloads import PayRequest

STORE_CREDIT = store_credit.PROVIDER
PAID_BY = (Role.CUSTOMER, Role.CHANNEL, Role.SUPPORT)


async def require_payable(services: Services, order_no: str) -> int:
    """The store credit that can pay for the order. Raises as `pay` does where the order cannot be paid now."""
    async with services.database.begin() as conn:
        await payment_requests.require_payable(conn, order_no)
        return await store_credit.open_to(conn, order_no)


async def pay(services: Services, caller: Principal, key: str, digest: bytes, order_no: str, payment: Payment) -> Reply:
    """Ask the workflow to take the payment; 201. Raises Conflict `already_paid`, `payment_in_progress`; Problem
    `unknown_payment_method`, `workflow_unavailable`; RuleBroken `currency_not_taken`, `amount_not_payable`."""
    request_id = f"pay_{derived_id(caller, key, f'pay {order_no}')}"
    if payment.method not in (known := methods(services.settings)):
        raise Problem("unknown_payment_method", f"method is {' or '.join(known)} here")

    async def prepare(conn: Connection) -> None:
        await payment_requests.require_payable(conn, order_no, payment.method)
        await payment_requests.save(conn, request_id, order_no, payment.method, payment.token, actor(caller))

    async def call_workflow() -> dict[str, object]:
        request = PayRequest(order_no, request_id)
        answer = await services.workflows.run_update(order_no, names.PAY, request, request_id)
        return {"order_no": answer.order_no, "status": answer.status, "outcome": answer.outcome}

    async def from_database(conn: Connection) -> dict[str, object] | None:
        if not await payment_requests.taken_up(conn, request_id):
            return None
        state = await load_state(conn, order_no)
        return {"order_no": order_no, "status": state.status, "outcome": outcome_of(state.attempt_state)}

    request = request_of(caller, key, digest)
    return await run_by_workflow(services, request, 201, WorkflowCall(prepare, call_workflow, from_database))
