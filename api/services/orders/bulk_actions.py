"""Actions on many orders at once: a preview, then a job that a worker carries out, order by order."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from api.dependencies import Services, actor, derived_id, order_number, require
from api.errors import Problem
from api.idempotency import request_of, run_in_transaction
from api.replies import Reply
from api.schemas.orders.bulk import BulkOrders
from api.services.approvals import approval_requests
from api.services.approvals.approval_requests import ApprovalRequest
from api.services.approvals.approved_order_jobs import job_approved_by
from api.services.support.bulk_resolution import JobDetail, JobProgress, job_number
from domain.access import Principal, Role
from domain.approvals import OrderJobRequest
from domain.collaboration import normalised
from domain.errors import NotFound
from domain.orders.bulk_actions import BULK, MAX_ORDERS, RATE_PER_S, ActionRequest, BulkAction, refusal
from infra.db.collaboration import order_labels
from infra.db.engine import Connection
from infra.db.orders.searching import bulk_facts
from infra.db.read_models import returned_money
from infra.db.read_models.returned_money import ReturnedMoney
from infra.db.support import order_jobs, parked_groups, parked_steps
from infra.db.support.order_jobs import NewOrderJob, OrderOutcome
from infra.observability.telemetry import current_traceparent

MOST_STAFF = 1_000


@dataclass(frozen=True, slots=True)
class Unfit:
    """An order that the action does not fit, and why, as a code."""

    order_no: str
    code: str


@dataclass(frozen=True, slots=True)
class Returned:
    """The money of one currency that the action returns."""

    currency: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Preview:
    """Which of the orders the action fits now, and the money that it returns for them; `needs_approval`: more than one
    person may return at once."""

    fits: list[str]
    unfit: list[Unfit]
    returns: list[Returned] = field(default_factory=list)
    needs_approval: bool = False


@dataclass(frozen=True, slots=True)
class JobOutcomes:
    """A job over orders, and what became of each."""

    job: JobDetail
    progress: JobProgress
    orders: list[OrderOutcome]


async def preview(services: Services, caller: Principal, body: BulkOrders) -> Preview:
    """What the action would do now; nothing is written. Raises Problem `forbidden`, `invalid_value`."""
    requested = _action_request(caller, body)
    async with services.database.begin() as conn:
        found = await _sorted(conn, requested, body.order_nos)
        money = await _money(conn, requested, found.fits)
        needs_approval = await _is_above(conn, services, caller, money)
        return replace(found, returns=_totals(money), needs_approval=needs_approval)


async def open_job(services: Services, caller: Principal, key: str, digest: bytes, body: BulkOrders) -> Reply:
    """Open a job over the orders that the action fits now; a repeat gives the same job. Where it returns more money
    than one person may at once, the job begins when another person approves it: the answer names the approval.

    Raises Problem `forbidden`, `invalid_value`.
    """
    requested = _action_request(caller, body)

    async def work(conn: Connection) -> dict[str, object]:
        if requested.assignee and requested.assignee not in await order_labels.staff_names(conn, MOST_STAFF):
            raise NotFound("staff_not_found")
        if requested.action is BulkAction.CANCEL:
            await returned_money.lock_person(conn, actor(caller))
        found = await _sorted(conn, requested, body.order_nos)
        money = await _money(conn, requested, found.fits)
        if await _is_above(conn, services, caller, money):
            return await _request_approval(conn, services, caller, key, body, money) | {"unfit": found.unfit}
        job_id = f"job_{derived_id(caller, key, 'bulk orders')}"
        value = _value(requested)
        by, trace = actor(caller), current_traceparent()
        new = NewOrderJob(job_id, body.action.value, by, found.fits, RATE_PER_S, body.reason or "", value)
        await order_jobs.open_job(conn, services.keys, new, trace)
        return {"job_id": job_id, "total": len(found.fits), "unfit": found.unfit}

    return await run_in_transaction(services, request_of(caller, key, digest), 202, work)


async def _request_approval(
    conn: Connection, services: Services, caller: Principal, key: str, body: BulkOrders, money: Sequence[ReturnedMoney]
) -> dict[str, object]:
    totals = _totals(money)
    currency = totals[0].currency if len(totals) == 1 else None
    orders, amounts = [one.order_no for one in money], [one.amount_minor for one in money]
    wanted = OrderJobRequest(body.action, body.reason or "", orders, amounts)
    asked = ApprovalRequest(None, body.action.value, len(orders), sum(amounts), currency, wanted)
    waiting = await approval_requests.open_request(conn, services, caller, key, asked)
    approval_id = str(waiting["approval_id"])
    return {
        "job_id": job_approved_by(approval_id),
        "total": 0,
        "approval_id": approval_id,
        "waiting": len(orders),
        "expires_at": waiting["expires_at"],
    }


async def _money(conn: Connection, requested: ActionRequest, orders: Sequence[str]) -> list[ReturnedMoney]:
    """The money that the action returns for each order; nothing where it returns none."""
    return await returned_money.of_orders(conn, orders) if requested.action is BulkAction.CANCEL else []


def _totals(money: Sequence[ReturnedMoney]) -> list[Returned]:
    sums: dict[str, int] = {}
    for one in money:
        if one.amount_minor:
            sums[one.currency] = sums.get(one.currency, 0) + one.amount_minor
    return [Returned(currency, amount) for currency, amount in sorted(sums.items())]


async def _is_above(conn: Connection, services: Services, caller: Principal, money: Sequence[ReturnedMoney]) -> bool:
    """With what the person cancelled in bulk within the last hour. One order is cancelled by one person, as on its own
    page."""
    if len(money) < 2:
        return False
    before = await returned_money.cancelled_lately(conn, actor(caller))
    limit = services.settings.approval_limit_minor
    return any(one.amount_minor + before.get(one.currency, 0) > limit for one in _totals(money))


def job_of(reply: Reply) -> str:
    """The job that `open_job` opened."""
    return str(reply.content["job_id"])


async def job(services: Services, caller: Principal, job_id: str) -> JobOutcomes:
    """The job; for support, and for whoever opened it. Raises Problem `forbidden`, NotFound `job_not_found`."""
    known = job_number(job_id)
    async with services.database.begin() as conn:
        found = await parked_groups.job(conn, services.keys, known)
        if found is None or found.action not in list(BulkAction):
            raise NotFound("job_not_found")
        if found.actor != actor(caller):
            require(caller, Role.SUPPORT, Role.OPERATIONS)
        moved = await parked_steps.progress(conn, known)
        return JobOutcomes(found, moved, await order_jobs.outcomes(conn, known, MAX_ORDERS))


def _value(requested: ActionRequest) -> dict[str, str] | None:
    """What the action needs beside the orders, as the job keeps it."""
    needs = BULK[requested.action].needs
    return {needs: str(getattr(requested, needs))} if needs else None


def _action_request(caller: Principal, body: BulkOrders) -> ActionRequest:
    require(caller, *BULK[body.action].roles)
    rule = BULK[body.action]
    if rule.needs and getattr(body, rule.needs) is None:
        raise Problem("invalid_value", f"{body.action} needs {rule.needs}")
    if rule.with_reason and body.reason is None:
        raise Problem("reason_missing", "say why: the reason is kept with each order")
    tag = normalised(body.tag) if body.tag else ""
    return ActionRequest(body.action, caller.role, body.kind, body.priority, tag, body.assignee or "")


async def _sorted(conn: Connection, requested: ActionRequest, typed: Sequence[str]) -> Preview:
    """Each order once, in the order in which they were named."""
    numbers = list(dict.fromkeys(_number(one) for one in typed))
    known = await bulk_facts.facts(conn, numbers)
    codes = {one: refusal(known[one], requested) if one in known else "order_not_found" for one in numbers}
    unfit = [Unfit(one, code) for one, code in codes.items() if code is not None]
    return Preview([one for one, code in codes.items() if code is None], unfit)


def _number(typed: str) -> str:
    try:
        return order_number(typed)
    except NotFound:
        return typed
