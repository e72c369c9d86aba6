"""Cancelling an order, or asking what that would mean."""

from typing import Any

from fastapi import APIRouter, Request, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from api.authorization import visible
from api.dependencies import (
    Caller,
    Services,
    actor,
    derived_id,
    idempotency_key,
    json_response,
    require,
    services,
)
from api.idempotency import WorkflowCall, by_workflow
from api.openapi import Answer, operation
from api.presenters.orders import waiting_for
from api.request_body import read
from api.responses import response_of
from api.schemas.orders.orders import CancelledOrder, CancelOrder, CancelPreview
from domain.access import Principal, Role
from domain.errors import Conflict
from domain.orders.status import CANCELLABLE, TERMINAL, Status
from infra.db import idempotency
from infra.db.orders.cancel_reasons import keep_reason, note_asked
from infra.db.read_models import order_detail
from infra.db.read_models.order_detail import Glance
from workflows import names
from workflows.payloads import CancelRequest, UpdateAnswer

router = APIRouter(prefix="/v1/orders", tags=["orders"])

CANCEL_WAIT_S = 3.0


@router.post(
    "/{order_no}/cancel",
    **operation("cancel_order", Answer(200, CancelledOrder | CancelPreview), body=CancelOrder),
)
async def cancel_order(order_no: str, request: Request, caller: Caller, preview: bool = False) -> Response:
    """Undo the order: release stock, void or return the money, recall the parcel. `preview=true` only tells what."""
    parts = services(request)
    require(caller, Role.CUSTOMER, Role.CHANNEL, Role.SUPPORT)
    key = idempotency_key(request)
    glance = await visible(parts, caller, order_no)
    parsed = await read(request, CancelOrder)
    if preview:
        return json_response({"order_no": glance.order_no, "consequence": await consequence(parts, glance)})
    return await cancel(parts, caller, key, glance, parsed.digest, parsed.model.reason)


async def consequence(parts: Services, glance: Glance) -> dict[str, Any]:
    """What cancelling would give back (see `order_detail.consequence`). Raises Conflict `not_cancellable`."""
    _require_cancellable(glance)
    async with parts.database.begin() as conn:
        return await order_detail.consequence(conn, glance.order_no)


def _require_cancellable(glance: Glance) -> None:
    """A status only moves on, so what can no longer be cancelled is refused without the workflow."""
    if glance.cancelling is not None and Status(glance.status) not in TERMINAL:
        raise Conflict("not_cancellable", "the order is being cancelled already")
    if Status(glance.status) not in CANCELLABLE:
        over = Status(glance.status) in TERMINAL
        what = "is over" if over else "has left the warehouse; what is delivered can be returned"
        raise Conflict("not_cancellable", f"the order is {glance.status}: it {what}")


async def cancel(parts: Services, caller: Principal, key: str, glance: Glance, digest: bytes, reason: str) -> Response:
    """Ask the workflow to undo the order. Raises Conflict `not_cancellable`, `parcel_on_its_way`; Problem
    `workflow_unavailable`."""
    update_id = derived_id(caller, key, "cancel")
    cause = "customer_request" if caller.role in (Role.CUSTOMER, Role.CHANNEL) else "support_request"
    wish = CancelRequest(glance.order_no, cause, actor(caller), update_id)

    async def prepare(conn: AsyncConnection) -> None:
        _require_cancellable(glance)
        if caller.is_staff:
            await note_asked(conn, glance.order_no, wish.actor, update_id)

    async def ask() -> dict[str, Any]:
        answer = await parts.workflows.ask(glance.order_no, names.CANCEL, wish, update_id)
        return await _outcome(parts, answer)

    async def from_books(conn: AsyncConnection) -> dict[str, Any] | None:
        accepted = await order_detail.cancelled_by(conn, glance.order_no, update_id, wish.actor)
        return await _shown(conn, glance.order_no) if accepted else None

    async def settle(conn: AsyncConnection) -> None:
        await keep_reason(conn, parts.keys, glance.order_no, reason)

    asked = idempotency.Request(actor(caller), key, digest, caller.origin)
    return response_of(await by_workflow(parts, asked, 200, WorkflowCall(prepare, ask, from_books, settle)))


async def _outcome(parts: Services, answer: UpdateAnswer) -> dict[str, Any]:
    """The order as it is once undone, or, after a little while, how far it has come."""

    def decided(glance: Glance) -> bool:
        return glance.status == Status.CANCELLED or glance.parked or glance.cancelling is None

    await parts.watcher.wait(answer.order_no, decided, CANCEL_WAIT_S)
    async with parts.database.begin() as conn:
        return await _shown(conn, answer.order_no)


async def _shown(conn: AsyncConnection, order_no: str) -> dict[str, Any]:
    glance = (await order_detail.glances(conn, [order_no]))[order_no]
    waits = waiting_for(glance.status, glance.cancelling, glance.waiting)
    return {"order_no": order_no, "status": glance.status, "waiting_for": waits}
