"""Paying for an order, or paying again after a decline."""

from typing import Any

from fastapi import APIRouter, Request, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from api.authorization import visible
from api.dependencies import Caller, Services, actor, derived_id, idempotency_key, methods, require, services
from api.errors import Problem
from api.idempotency import WorkflowCall, by_workflow
from api.openapi import body_of, problems
from api.request_body import read
from api.responses import response_of
from api.schemas.orders.orders import Payment
from domain.access import Principal, Role
from domain.payments.transactions import outcome_of
from infra.db import idempotency
from infra.db.orders.order_state import stand_of
from infra.db.payments import payment_requests
from infra.db.read_models.order_detail import Glance
from workflows import names
from workflows.payloads import PayRequest

router = APIRouter(prefix="/v1/orders", tags=["payments"])


@router.post("/{order_no}/payments", status_code=201, openapi_extra=body_of(Payment), responses=problems())
async def pay(order_no: str, request: Request, caller: Caller) -> Response:
    """Pay, or pay again after a decline; `outcome` is captured, failed, pending (the provider decides later) or open
    (not decided yet). 409 while a payment is taken or in flight, without a call of the provider."""
    parts = services(request)
    require(caller, Role.CUSTOMER, Role.CHANNEL, Role.SUPPORT)
    key = idempotency_key(request)
    glance = await visible(parts, caller, order_no)
    parsed = await read(request, Payment)
    return await pay_for(parts, caller, key, glance, parsed.digest, parsed.model)


async def pay_for(
    parts: Services, caller: Principal, key: str, glance: Glance, digest: bytes, payment: Payment
) -> Response:
    """Ask the workflow to take the payment. Raises Conflict `already_paid`, `payment_in_progress`; Problem
    `unknown_payment_method`, `workflow_unavailable`; RuleBroken `currency_not_taken`, `amount_not_payable`."""
    request_id = f"pay_{derived_id(caller, key, f'pay {glance.order_no}')}"
    if payment.method not in (known := methods(parts.settings)):
        raise Problem("unknown_payment_method", f"method is {' or '.join(known)} here")

    async def prepare(conn: AsyncConnection) -> None:
        await payment_requests.require_payable(conn, glance.order_no, payment.method)
        await payment_requests.keep(conn, request_id, glance.order_no, payment.method, payment.token, actor(caller))

    async def ask() -> dict[str, Any]:
        wish = PayRequest(glance.order_no, request_id)
        answer = await parts.workflows.ask(glance.order_no, names.PAY, wish, request_id)
        return {"order_no": answer.order_no, "status": answer.status, "outcome": answer.outcome}

    async def from_books(conn: AsyncConnection) -> dict[str, Any] | None:
        if not await payment_requests.taken_up(conn, request_id):
            return None
        stand = await stand_of(conn, glance.order_no)
        return {"order_no": glance.order_no, "status": stand.status, "outcome": outcome_of(stand.attempt_state)}

    asked = idempotency.Request(actor(caller), key, digest, caller.origin)
    return response_of(await by_workflow(parts, asked, 201, WorkflowCall(prepare, ask, from_books)))
