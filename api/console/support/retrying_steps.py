"""All steps that fail and are still being tried, in one list: the second kind of stuck."""

import logging
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from temporalio.client import Client

from api import pagination
from api.console.rendering import page
from api.console.session import CurrentStaff
from api.dependencies import Services, require, services_of
from api.errors import Problem
from api.schemas.fields import Code, Reference
from domain.access import Role
from infra.db.support import retrying_steps
from infra.db.support.retrying_steps import Place, RetryingWanted
from infra.temporal import failing_workflows
from workflows import names

router = APIRouter(prefix="/console/retrying")

logger = logging.getLogger(__name__)
PAGE_SIZE = 50
_ORDER = names.order_workflow("")


@router.get("")
async def retrying(
    request: Request,
    person: CurrentStaff,
    step: Code | None = None,
    error: Reference | None = None,
    provider: Code | None = None,
    cursor: Annotated[str | None, Query(max_length=300)] = None,
) -> Response:
    """Paused ones first, then the longest failing. The database answers; Temporal adds who is paused, if it can."""
    require(person.principal, Role.SUPPORT)
    services = services_of(request)
    wanted = RetryingWanted(step, error, provider, _place(cursor), PAGE_SIZE)
    async with services.database.begin() as conn:
        rows = await retrying_steps.listed(conn, wanted)
    paused = await _paused(services)
    items = [{**row, "paused": _is_paused(row, paused)} for row in rows[:PAGE_SIZE]]
    first = not (cursor or step or error or provider)
    context: dict[str, Any] = {
        "items": [*(_only_paused(paused or set(), items) if first else []), *items],
        "asked": paused is not None,
        "chosen": {"step": step, "error": error, "provider": provider},
        "next_cursor": _behind(rows[PAGE_SIZE - 1]) if len(rows) > PAGE_SIZE else None,
        "query": request.url.query,
    }
    template = "retrying_live.html" if request.headers.get("x-live") else "retrying.html"
    return page(request, template, member=person, **context)


async def _paused(services: Services) -> set[tuple[str, str]] | None:
    """(order number, activity) of what is paused, by whom ever; None when Temporal does not answer."""

    async def ask(client: Client) -> set[tuple[str, str]]:
        return await failing_workflows.paused(client, PAGE_SIZE)

    try:
        found = await services.workflows.call(ask)
    except Problem:
        logger.warning("Temporal does not say what is paused")
        return None
    return {(workflow.removeprefix(_ORDER), name) for workflow, name in found if workflow.startswith(_ORDER)}


def _is_paused(row: dict[str, Any], paused: set[tuple[str, str]] | None) -> bool:
    return bool(row["paused"] if paused is None else (row["order_no"], row["activity"]) in paused)


def _only_paused(paused: set[tuple[str, str]], items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Steps that were paused before they failed: the database has no attempt of them."""
    known = {(row["order_no"], row["activity"]) for row in items}
    empty = dict.fromkeys(("step", "error", "provider", "attempt", "max_attempts", "since", "next_try_at"))
    return [
        {**empty, "order_no": order_no, "activity": name, "paused": True} for order_no, name in sorted(paused - known)
    ]


def _place(cursor: str | None) -> Place | None:
    """Raises Problem `invalid_cursor`."""
    if cursor is None:
        return None
    paused, since, order_no, activity = pagination.decoded(cursor, bool, str, str, str)
    return Place(paused, pagination.moment(since), order_no, activity)


def _behind(row: dict[str, Any]) -> str:
    return pagination.encoded([row["paused"], row["since"].isoformat(), row["order_no"], row["activity"]])
