"""The queue of parked orders."""

from dataclasses import replace
from typing import Any

from api import pagination
from api.dependencies import Services
from domain.support.steps import Step
from infra.db.support import parked_groups, parked_steps
from infra.db.support.parked_steps import StuckWanted


async def list_parked(
    services: Services, step: Step | None, error: str | None, provider: str | None, limit: int, cursor: str | None
) -> dict[str, Any]:
    """{items, next_cursor}, the longest parked first. Raises Problem `invalid_cursor`."""
    wanted = StuckWanted(step.value if step else None, error, provider, None, limit)
    if cursor is not None:
        since, order_no = pagination.decoded(cursor, str, str)
        wanted = replace(wanted, after=(pagination.moment(since), order_no))
    async with services.database.begin() as conn:
        rows = await parked_steps.stuck(conn, wanted)
    return {"items": rows[: wanted.limit], "next_cursor": _next_cursor(rows, wanted.limit)}


async def groups(services: Services) -> list[dict[str, Any]]:
    """Parked orders by step, error and provider."""
    async with services.database.begin() as conn:
        return await parked_groups.groups(conn)


async def size(services: Services, action: str, chosen: dict[str, str | None]) -> list[dict[str, Any]]:
    """How many orders the action would reach, and for which amounts."""
    async with services.database.begin() as conn:
        return await parked_groups.size(conn, action, chosen)


def _next_cursor(rows: list[dict[str, Any]], limit: int) -> str | None:
    if len(rows) <= limit:
        return None
    last = rows[limit - 1]
    return pagination.encoded([last["since"].isoformat(), last["order_no"]])
