"""Replenishment while an order waits for stock: what is suggested to be bought for it."""

import asyncio

from workers.demo.api_client.api.stock import list_replenishment_suggestions, start_replenishment_run
from workers.demo.api_client.models import StartReplenishmentRun, Suggestion
from workers.demo.behaviour.actors import ApiActors, until
from workers.demo.http.client import PAGE, accepted, all_items

LIMIT_S = 60.0


async def note_suggestions(actors: ApiActors) -> None:
    """Have the suggestions calculated, and keep them once the missing article is among them. One order does it: a run
    looks at all of the stock."""
    if actors.statistics.suggestions is not None or not _is_kept(actors):
        return
    actors.statistics.suggestions = []
    body, key = StartReplenishmentRun(), actors.clients.key("replenishment")
    await accepted(start_replenishment_run.asyncio(client=actors.clients.operations, body=body, idempotency_key=key))
    try:
        async with asyncio.timeout(LIMIT_S):
            actors.statistics.suggestions = await until(lambda: _with_missing(actors))
    except TimeoutError:
        actors.statistics.add_deviation(f"nothing was suggested for {actors.order.order_no}, which waits for stock")


def _is_kept(actors: ApiActors) -> bool:
    """Replenishment looks at the levels of warehouses: at a product that one of them has had."""
    return all(arrangement.levels.get(arrangement.home) for arrangement in actors.arrangements)


async def _with_missing(actors: ApiActors) -> list[Suggestion] | None:
    """All suggestions; None while what the order waits for is not among them."""
    found = [
        one
        async for one in all_items(
            lambda cursor: list_replenishment_suggestions.asyncio(
                client=actors.clients.operations, limit=PAGE, cursor=cursor
            )
        )
    ]
    missing = {arrangement.sku for arrangement in actors.arrangements}
    return found if missing <= {one.sku for one in found} else None
