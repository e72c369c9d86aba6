"""Cancelling an order, or previewing it: what the HTTP call, the portal and the console's form all do."""

from api.dependencies import Services, actor, derived_id
from api.idempotency import WorkflowCall, request_of, run_by_workflow
from api.replies import Reply
from domain.access import Principal, Role
from domain.errors import Conflict
from domain.orders.cancellation import refusal
from domain.orders.status import Status
from domain.orders.waiting import waiting_for
from infra.db.engine import Connection
from infra.db.orders.changing.cancel_reasons import record_request, save_reason
from infra.db.read_models import order_detail
from infra.db.read_models.order_detail import CancellationConsequence, OrderOverview
from infra.db.shipping import fulfilments
from workflows import names
from workflows.payloads import CancelRequest, UpdateAnswer

CANCEL_WAIT_S = 3.0


async def consequence(services: Services, overview: OrderOverview) -> CancellationConsequence:
    """What cancelling would give back (see `order_detail.consequence`). Raises Conflict `not_cancellable`,
    `parcel_on_its_way`."""
    _require_cancellable(overview)
    async with services.database.begin() as conn:
        if await fulfilments.any_left(conn, overview.order_no):
            raise Conflict("parcel_on_its_way")
        return await order_detail.consequence(conn, overview.order_no)


def _require_cancellable(overview: OrderOverview) -> None:
    """Refused without the workflow: a refusal stays true."""
    if (why := refusal(Status(overview.status), overview.cancelling is not None)) is not None:
        raise why


async def cancel(
    services: Services, caller: Principal, key: str, overview: OrderOverview, digest: bytes, reason: str
) -> Reply:
    """Ask the workflow to cancel the order. Raises Conflict `not_cancellable`, `parcel_on_its_way`; Problem
    `workflow_unavailable`."""
    update_id = derived_id(caller, key, "cancel")
    cause = "customer_request" if caller.role in (Role.CUSTOMER, Role.CHANNEL) else "support_request"
    request = CancelRequest(overview.order_no, cause, actor(caller), update_id)

    async def prepare(conn: Connection) -> None:
        _require_cancellable(overview)
        if caller.is_staff:
            await record_request(conn, overview.order_no, request.actor, update_id)

    async def call_workflow() -> dict[str, object]:
        answer = await services.workflows.run_update(overview.order_no, names.CANCEL, request, update_id)
        return await _outcome(services, answer)

    async def from_database(conn: Connection) -> dict[str, object] | None:
        accepted = await order_detail.cancelled_by(conn, overview.order_no, update_id, request.actor)
        return await _view(conn, overview.order_no) if accepted else None

    async def settle(conn: Connection) -> None:
        await save_reason(conn, services.keys, overview.order_no, reason)

    claim = request_of(caller, key, digest)
    return await run_by_workflow(services, claim, 200, WorkflowCall(prepare, call_workflow, from_database, settle))


async def _outcome(services: Services, answer: UpdateAnswer) -> dict[str, object]:
    """The order once it is cancelled, or, after `CANCEL_WAIT_S`, how far the cancellation has come."""

    def decided(overview: OrderOverview) -> bool:
        return overview.status == Status.CANCELLED or overview.parked or overview.cancelling is None

    await services.watcher.wait(answer.order_no, decided, CANCEL_WAIT_S)
    async with services.database.begin() as conn:
        return await _view(conn, answer.order_no)


async def _view(conn: Connection, order_no: str) -> dict[str, object]:
    overview = (await order_detail.overviews(conn, [order_no]))[order_no]
    waits = waiting_for(overview.status, overview.cancelling, overview.waiting)
    return {"order_no": order_no, "status": overview.status, "waiting_for": waits}
