"""Steps that fail and are still being tried: the database lists them, Temporal says which are paused."""

import logging
from dataclasses import dataclass, replace

from temporalio.client import Client

from api import pagination
from api.dependencies import Services
from api.errors import Problem
from infra.db.support import retrying_steps
from infra.db.support.retrying_steps import Place, RetryingStep, RetryingStepFilter
from infra.temporal import failing_workflows
from workflows import names

logger = logging.getLogger(__name__)
_ORDER = names.order_workflow("")


@dataclass(frozen=True, slots=True)
class RetryingPage:
    """Steps, paused ones first, then the longest failing. `asked` is False where Temporal did not answer: then the
    database alone says what is paused."""

    items: list[RetryingStep]
    next_cursor: str | None
    temporal_answered: bool


async def list_retrying(
    services: Services, step: str | None, error: str | None, provider: str | None, cursor: str | None, limit: int
) -> RetryingPage:
    """A page of the steps that fit. Raises Problem `invalid_cursor`."""
    filters = RetryingStepFilter(step, error, provider, _place(cursor), limit)
    async with services.database.begin() as conn:
        rows = await retrying_steps.listed(conn, filters)
    paused = await _paused(services, limit)
    items = [replace(row, paused=_is_paused(row, paused)) for row in rows[:limit]]
    if not (cursor or step or error or provider):
        items = [*_only_paused(paused or set(), items), *items]
    return RetryingPage(items, _cursor_after(rows[limit - 1]) if len(rows) > limit else None, paused is not None)


async def _paused(services: Services, limit: int) -> set[tuple[str, str]] | None:
    """(order number, activity) of each paused activity; None when Temporal does not answer."""

    async def query(client: Client) -> set[tuple[str, str]]:
        return await failing_workflows.paused(client, limit)

    try:
        found = await services.workflows.call(query)
    except Problem:
        logger.warning("Temporal did not report the paused steps")
        return None
    return {(workflow.removeprefix(_ORDER), name) for workflow, name in found if workflow.startswith(_ORDER)}


def _is_paused(row: RetryingStep, paused: set[tuple[str, str]] | None) -> bool:
    return row.paused if paused is None else (row.order_no, row.activity) in paused


def _only_paused(paused: set[tuple[str, str]], items: list[RetryingStep]) -> list[RetryingStep]:
    """Steps that were paused before they failed: the database has no attempt of them."""
    known = {(row.order_no, row.activity) for row in items}
    return [
        RetryingStep(order_no, name, None, None, None, None, None, None, None, paused=True)
        for order_no, name in sorted(paused - known)
    ]


def _place(cursor: str | None) -> Place | None:
    """Raises Problem `invalid_cursor`."""
    if cursor is None:
        return None
    paused, since, order_no, activity = pagination.decoded(cursor, bool, str, str, str)
    return Place(paused, pagination.moment(since), order_no, activity)


def _cursor_after(row: RetryingStep) -> str:
    since = row.since.isoformat() if row.since else ""
    return pagination.encoded([row.paused, since, row.order_no, row.activity])
