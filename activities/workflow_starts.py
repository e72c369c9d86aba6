"""Starts runs of workflows: the same parameters for every caller."""

from collections.abc import Awaitable, Callable
from typing import Any

from temporalio.client import Client
from temporalio.common import (
    Priority,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.service import RPCError, RPCStatusCode

from domain.money import Money
from domain.orders import priority as priorities
from domain.orders.priority import SHARES, named
from domain.text import counted
from infra.db.messaging.workflow_requests import OrderSummary
from infra.observability.telemetry import temporal_interceptors
from infra.settings import Settings
from infra.temporal.temporal_client import OMS_CHANNEL, OMS_STATUS, connect
from workflows import names
from workflows.payloads import ReturnRef, StartJob, StartOrder, TransferRef

ClientProvider = Callable[[], Awaitable[Client]]


def lazily_connected(settings: Settings) -> ClientProvider:
    """A client that connects at its first use; raises RuntimeError while Temporal is unreachable."""
    known: list[Client] = []

    async def provide() -> Client:
        if not known:
            known.append(await connect(settings, interceptors=temporal_interceptors()))
        return known[0]

    return provide


def summary(order: OrderSummary) -> str:
    """One line for lists of workflows: number, channel, total, size."""
    total, lines = Money(order.total_minor, order.currency), counted(order.lines, "line")
    return f"{order.order_no} · {order.channel} · {total} · {lines}"


def attributes(order: OrderSummary) -> TypedSearchAttributes:
    """The search attributes that a run begins with."""
    return TypedSearchAttributes(
        [SearchAttributePair(OMS_STATUS, order.status), SearchAttributePair(OMS_CHANNEL, order.channel)]
    )


def share(order: OrderSummary) -> Priority:
    """The priority of the order's tasks in a queue: each priority has a share, so that none starves."""
    pressing = named(order.priority)
    if pressing is priorities.Priority.STANDARD:
        return Priority.default
    return Priority(fairness_key=pressing.value, fairness_weight=SHARES[pressing])


def _described(order: OrderSummary, task_queue: str) -> dict[str, Any]:
    return {
        "id": names.order_workflow(order.order_no),
        "task_queue": task_queue,
        "priority": share(order),
        "search_attributes": attributes(order),
        "static_summary": summary(order),
    }


async def start_once(client: Client, order: OrderSummary, task_queue: str, *, eager: bool) -> None:
    """Start an order that has never run. Raises WorkflowAlreadyStartedError when it has."""
    await client.start_workflow(
        names.ORDER,
        StartOrder(order.order_no),
        id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
        request_eager_start=eager,
        **_described(order, task_queue),
    )


async def start_again(client: Client, order: OrderSummary, task_queue: str) -> None:
    """Start a run from the database. Raises WorkflowAlreadyStartedError when one is running."""
    await client.start_workflow(
        names.ORDER,
        StartOrder(order.order_no),
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
        **_described(order, task_queue),
    )


async def signal(client: Client, order: OrderSummary, task_queue: str, name: str, payload: object) -> None:
    """Signal an order; one that is not running starts a run from the database."""
    await client.start_workflow(
        names.ORDER,
        StartOrder(order.order_no),
        start_signal=name,
        start_signal_args=[payload],
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        **_described(order, task_queue),
    )


async def signal_return(client: Client, order: OrderSummary, task_queue: str, return_id: str, payload: object) -> None:
    """Signal a return's workflow; where it does not run, its order, which starts it."""
    try:
        await client.get_workflow_handle(names.return_workflow(return_id)).signal(names.RETURN_CHANGED, payload)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        await signal(client, order, task_queue, names.AFTER_SALES, {"unfollowed": return_id})


async def start_return(client: Client, ref: ReturnRef, task_queue: str) -> None:
    """Start a return's run from the database. Raises WorkflowAlreadyStartedError when one is running."""
    await client.start_workflow(
        names.RETURN,
        ref,
        id=names.return_workflow(ref.return_id),
        task_queue=task_queue,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
        static_summary=f"{ref.return_id} of order {ref.order_no}",
    )


async def signal_transfer(client: Client, transfer_id: str, task_queue: str) -> None:
    """Signal a transfer's workflow; one that is not running starts a run from the database."""
    await client.start_workflow(
        names.TRANSFER,
        TransferRef(transfer_id),
        id=names.transfer_workflow(transfer_id),
        task_queue=task_queue,
        start_signal=names.TRANSFER_CHANGED,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        static_summary=f"transfer {transfer_id}",
    )


async def start_transfer(client: Client, transfer_id: str, task_queue: str) -> None:
    """Start a transfer's run from the database. Raises WorkflowAlreadyStartedError when one is running."""
    await client.start_workflow(
        names.TRANSFER,
        TransferRef(transfer_id),
        id=names.transfer_workflow(transfer_id),
        task_queue=task_queue,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
        static_summary=f"transfer {transfer_id}",
    )


async def start_job(client: Client, job: StartJob, task_queue: str) -> None:
    """Start a bulk job. Raises WorkflowAlreadyStartedError when it is running."""
    await client.start_workflow(names.BULK_RESOLVE, job, id=names.job_workflow(job.job_id), task_queue=task_queue)
