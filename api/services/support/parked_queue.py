"""The queue of parked orders."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from api import pagination
from api.dependencies import Services
from api.services.support import step_resolution
from domain.access import Principal
from domain.errors import NotFound
from domain.support.steps import Action, Step
from infra.db.read_models import order_detail
from infra.db.read_models.order_detail import CancellationConsequence
from infra.db.support import attention_queue, parked_groups, parked_steps
from infra.db.support.attention_queue import QueuedOrder
from infra.db.support.parked_groups import LastAction, OpenParkedStep, ParkedGroup, Touched
from infra.db.support.parked_steps import JobFilter, ParkedStepFilter, QueuedStep

__all__ = ["JobFilter", "ParkedOrder", "ParkedPage", "QueueOverview", "QueuePage", "QueuedOrder",
           "list_parked", "overview", "parked_order", "queue", "size"]  # fmt: skip


@dataclass(frozen=True, slots=True)
class ParkedPage:
    """A page of parked orders, the longest parked first."""

    items: Sequence[QueuedStep]
    next_cursor: str | None


async def list_parked(
    services: Services, step: Step | None, error: str | None, provider: str | None, limit: int, cursor: str | None
) -> ParkedPage:
    """Raises Problem `invalid_cursor`."""
    filters = _wanted(step, error, provider, limit, cursor)
    async with services.database.begin() as conn:
        rows = await parked_steps.queue(conn, filters)
    return ParkedPage(rows[: filters.limit], _next_cursor(rows, filters.limit))


@dataclass(frozen=True, slots=True)
class QueuePage:
    """A page of orders that need attention, the longest first."""

    items: Sequence[QueuedOrder]
    next_cursor: str | None


async def queue(
    services: Services, step: Step | None, error: str | None, provider: str | None, limit: int, cursor: str | None
) -> QueuePage:
    """The same orders with the facts of their situations. Raises Problem `invalid_cursor`."""
    async with services.database.begin() as conn:
        rows = await attention_queue.queue(conn, _wanted(step, error, provider, limit, cursor))
    return QueuePage(rows[:limit], _next_cursor(rows, limit))


@dataclass(frozen=True, slots=True)
class QueueOverview:
    """Parked orders by step, error and provider, and the longest parked ones; `more` says that there are others."""

    groups: Sequence[ParkedGroup]
    longest: Sequence[QueuedOrder]
    more: bool


async def overview(services: Services, limit: int) -> QueueOverview:
    """All causes, and at most `limit` orders, in one read."""
    async with services.database.begin() as conn:
        groups = await parked_groups.groups(conn)
        rows = await attention_queue.queue(conn, _wanted(None, None, None, limit, None)) if groups else []
    return QueueOverview(groups, rows[:limit], len(rows) > limit)


async def size(services: Services, action: str, chosen: JobFilter) -> list[Touched]:
    """How many orders the action would reach, and for which amounts."""
    async with services.database.begin() as conn:
        return await parked_groups.size(conn, action, chosen)


@dataclass(frozen=True, slots=True)
class ParkedOrder:
    """An order's parked step (`step` None in it where there is none any more), what cancelling would give back, what
    resolved the step before, and the actions for which this caller needs an approver."""

    step: OpenParkedStep
    consequence: CancellationConsequence
    last_action: LastAction | None
    needs_approval: frozenset[str]


async def parked_order(services: Services, caller: Principal, number: str) -> ParkedOrder:
    """What can be done with one parked order. Raises NotFound `order_not_found`."""
    async with services.database.begin() as conn:
        step = await parked_groups.open_step(conn, number)
        if step is None:
            raise NotFound("order_not_found")
        consequence = await order_detail.consequence(conn, number)
        last = await parked_groups.last_action(conn, number)
        two = [one.value for one in Action if await step_resolution.needs_two(conn, services, caller, number, one)]
    return ParkedOrder(step, consequence, last, frozenset(two))


def _wanted(
    step: Step | None, error: str | None, provider: str | None, limit: int, cursor: str | None
) -> ParkedStepFilter:
    wanted = ParkedStepFilter(step.value if step else None, error, provider, None, limit)
    if cursor is None:
        return wanted
    since, order_no = pagination.decoded(cursor, str, str)
    return replace(wanted, after=(pagination.moment(since), order_no))


def _next_cursor(rows: Sequence[QueuedStep] | Sequence[QueuedOrder], limit: int) -> str | None:
    if len(rows) <= limit:
        return None
    last = rows[limit - 1]
    return pagination.encoded([last.since.isoformat(), last.order_no])
