"""Operations on running workflows: actions on an activity that is being retried, and the reset of a workflow."""

from dataclasses import replace
from datetime import datetime
from typing import TypedDict

from temporalio.client import Client

from api.dependencies import Services, actor, derived_id
from api.errors import Problem
from api.idempotency import WorkflowCall, run_by_workflow
from api.replies import Reply
from api.schemas.support.workflow_operations import ActivityAct, Reset
from domain.access import Principal
from domain.errors import Conflict, NotFound
from domain.orders.status import TERMINAL, Status
from infra.db import idempotency
from infra.db.audit import actor_context
from infra.db.engine import Connection
from infra.db.read_models.order_detail import OrderOverview
from infra.db.support import activity_actions, reset_requests, retrying_steps
from infra.db.support.reset_requests import ResetBatchDetail
from infra.temporal import running_activities, workflow_resets
from infra.temporal.running_activities import ActivityAction, RunningActivity, TaskFailure, UnderWay
from infra.temporal.workflow_resets import AnotherBatch, Batch
from workflows import names

ENDED_BADLY = frozenset({"failed", "terminated", "timed_out", "canceled"})
_PAUSING = {ActivityAction.PAUSE: True, ActivityAction.UNPAUSE: False}


async def under_way(services: Services, number: str) -> UnderWay:
    """What the order's workflow does now. Raises Problem `workflow_unavailable`."""

    async def query(client: Client) -> UnderWay:
        return await running_activities.under_way(client, names.order_workflow(number))

    return await services.workflows.call(query)


def possible(activity: RunningActivity) -> list[ActivityAction]:
    """What makes sense now: a paused one goes on, an attempt that runs is not begun again."""
    if activity.paused:
        return [ActivityAction.UNPAUSE, ActivityAction.SET_TIMEOUT]
    waiting = [] if activity.running else [ActivityAction.RETRY_NOW]
    return [*waiting, ActivityAction.PAUSE, ActivityAction.SET_TIMEOUT]


def offered(activity: RunningActivity) -> list[ActivityAction]:
    """The same on a page that stays open: an attempt that runs now is waited for in a moment."""
    return possible(replace(activity, running=False))


class ActivityFields(TypedDict):
    """An activity that has not ended, and what can be done with it."""

    activity_id: str
    activity: str
    attempt: int
    max_attempts: int | None
    running: bool
    paused: bool
    error: str | None
    timeout_s: float | None
    next_try_at: datetime | None
    actions: list[ActivityAction]


class RunningWorkflow(TypedDict):
    """What the order's workflow does now. `ended` says how the newest run ended, None while it is open."""

    order_no: str
    open: bool
    ended: str | None
    activities: list[ActivityFields]
    bug: TaskFailure | None
    resettable: bool


async def running(services: Services, order: OrderOverview) -> RunningWorkflow:
    """The same with what can be done. Raises Problem `workflow_unavailable`."""
    found = await under_way(services, order.order_no)
    return {
        "order_no": order.order_no,
        "open": found.open,
        "ended": found.ended or None,
        "activities": [_view(activity) for activity in found.activities],
        "bug": found.failing,
        "resettable": resettable(found, order.status),
    }


def _view(activity: RunningActivity) -> ActivityFields:
    return {
        "activity_id": activity.activity_id,
        "activity": activity.name,
        "attempt": activity.attempt,
        "max_attempts": activity.max_attempts or None,
        "running": activity.running,
        "paused": activity.paused,
        "error": activity.error or None,
        "timeout_s": activity.timeout_s,
        "next_try_at": activity.next_try_at,
        "actions": possible(activity),
    }


def resettable(found: UnderWay, status: str) -> bool:
    """True for a run that a bug holds up, and for one that ended though its order has not."""
    died = found.ended in ENDED_BADLY and Status(status) not in TERMINAL
    return found.failing is not None or died


async def operate_activity(
    services: Services,
    caller: Principal,
    claim: idempotency.Request,
    number: str,
    activity_id: str,
    request: ActivityAct,
) -> Reply:
    """Retry now, pause, resume, or change the time-out of one activity; stored before Temporal is called.

    If it is repeated after its answer was lost and the step has ended, it is answered as done, except for a pause,
    which had no effect. Raises Problem `invalid_timeout`, `workflow_unavailable`; Conflict
    `activity_over`.
    """
    if (request.action is ActivityAction.SET_TIMEOUT) != (request.timeout_s is not None):
        raise Problem("invalid_timeout", "set_timeout takes timeout_s, the others do not")
    act_id = f"act_{derived_id(caller, claim.key, f'activity {number} {activity_id}')}"
    over = False

    async def prepare(conn: Connection) -> None:
        nonlocal over
        try:
            activity = await _named(services, number, activity_id, request.activity)
        except Conflict:
            if request.action is ActivityAction.PAUSE or not await activity_actions.exists(conn, act_id):
                raise
            over = True
            return
        await _save(conn, services, caller, act_id, number, activity.name, request)

    async def change(client: Client) -> None:
        # Temporal shows the id of the action; the reason stays in the database.
        workflow_id = names.order_workflow(number)
        await running_activities.apply_action(
            client, workflow_id, activity_id, request.action, act_id, request.timeout_s
        )

    async def query() -> dict[str, object]:
        if not over:
            await services.workflows.call(change)
        return {"order_no": number, "activity_id": activity_id, "activity": request.activity, "action": request.action}

    async def settle(conn: Connection) -> None:
        if request.action in _PAUSING:
            await retrying_steps.set_paused(conn, number, request.activity, _PAUSING[request.action])

    return await run_by_workflow(services, claim, 200, WorkflowCall(prepare, query, _nothing, settle))


async def _save(
    conn: Connection,
    services: Services,
    caller: Principal,
    act_id: str,
    number: str,
    activity: str,
    request: ActivityAct,
) -> None:
    await activity_actions.save(
        conn,
        services.keys,
        act_id,
        order_no=number,
        activity=activity,
        action=request.action.value,
        timeout_s=request.timeout_s,
        actor=actor(caller),
        reason=request.reason,
    )


async def _named(services: Services, number: str, activity_id: str, name: str) -> RunningActivity:
    """The running activity that the caller saw. Raises Conflict `activity_over` when it has ended: ids come again in
    a new run, so the name must fit as well."""
    for activity in (await under_way(services, number)).activities:
        if (activity.activity_id, activity.name) == (activity_id, name):
            return activity
    raise Conflict("activity_over", "this step is not running any more; load the page again")


async def _nothing(_: Connection) -> None:
    """The database does not record whether Temporal received an action; to repeat it is harmless."""
    return


async def reset_order(
    services: Services, caller: Principal, claim: idempotency.Request, order: OrderOverview, request: Reset
) -> Reply:
    """Start the order's run again before its last good workflow task. The database knows what was done, so nothing is
    repeated.

    The action names the run that it applies to, so a repeat never resets the run that it made. Raises Conflict
    `nothing_to_reset`, Problem `workflow_unavailable`.
    """
    number = order.order_no
    act_id = f"act_{derived_id(caller, claim.key, f'reset {number}')}"

    async def prepare(conn: Connection) -> None:
        if await reset_requests.run_of(conn, act_id) is None:
            run_id = await _run_to_reset(services, order)
            wanted = {"order_no": number, "run_id": run_id, "actor": actor(caller), "reason": request.reason}
            await reset_requests.save_reset(conn, services.keys, act_id, **wanted)

    async def query() -> dict[str, object]:
        async with services.database.begin() as conn:
            await reset_requests.alone(conn, number)
            run_id = await reset_requests.run_of(conn, act_id)
            assert run_id is not None, "kept by prepare"

            async def begin_again(client: Client) -> bool:
                return await workflow_resets.reset(client, names.order_workflow(number), run_id, act_id)

            begun = await services.workflows.call(begin_again)
        return {"order_no": number, "outcome": "reset" if begun else "runs_anew_already"}

    return await run_by_workflow(services, claim, 200, WorkflowCall(prepare, query, _nothing))


async def _run_to_reset(services: Services, order: OrderOverview) -> str:
    """Raises Conflict `nothing_to_reset`."""
    found = await under_way(services, order.order_no)
    if not resettable(found, order.status):
        raise Conflict(
            "nothing_to_reset", "no bug holds this order's workflow up, and it has not ended before its time"
        )
    return found.run_id


def batch_id_of(caller: Principal, key: str) -> str:
    """The id of the batch that this caller's key begins."""
    return f"rst_{derived_id(caller, key, 'reset all')}"


async def reset_all(services: Services, caller: Principal, key: str, total: int, reason: str) -> str:
    """Begin a batch over all workflows that a bug holds up (`total` when it was confirmed); the batch's id.

    The same key finds the same batch. Raises Conflict `batch_running`, Problem `workflow_unavailable`.
    """
    batch_id = batch_id_of(caller, key)
    async with services.database.begin() as conn:
        who = actor(caller)
        await actor_context.set_actor(conn, who, caller.origin)
        await reset_requests.keep_batch(conn, services.keys, batch_id, total=total, actor=who, reason=reason)

    async def begin(client: Client) -> None:
        await workflow_resets.reset_all(client, batch_id)

    try:
        await services.workflows.call(begin)
    except AnotherBatch:
        raise Conflict("batch_running", "Temporal runs another batch; wait for its end, then send this again") from None
    return batch_id


async def batch(services: Services, batch_id: str) -> tuple[ResetBatchDetail, Batch]:
    """What was asked for and how far it is. Raises NotFound `job_not_found`, Problem `workflow_unavailable`."""
    async with services.database.begin() as conn:
        batch = await reset_requests.batch(conn, services.keys, batch_id)
    if batch is None:
        raise NotFound("job_not_found")

    async def query(client: Client) -> Batch:
        return await workflow_resets.progress(client, batch_id)

    return batch, await services.workflows.call(query)


async def stop_batch(services: Services, caller: Principal, batch_id: str) -> None:
    """End a batch before its next workflow. Raises NotFound `job_not_found`, Problem `workflow_unavailable`."""
    kept, found = await batch(services, batch_id)
    if found.state is not workflow_resets.BatchState.RUNNING:
        return
    async with services.database.begin() as conn:
        act_id = f"act_{derived_id(caller, kept.batch_id, 'stop resets')}"
        await actor_context.set_actor(conn, actor(caller), caller.origin)
        await reset_requests.save_stop(conn, act_id, batch_id, actor(caller))

    async def end(client: Client) -> None:
        await workflow_resets.stop(client, batch_id)

    await services.workflows.call(end)
