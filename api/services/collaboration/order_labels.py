"""Tags of an order and who looks after it: set for one order or for many."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypedDict

from api.dependencies import Services, actor
from domain.access import Principal
from domain.collaboration import normalised, normalised_all
from infra.db.audit import actor_context
from infra.db.collaboration import order_labels
from infra.db.collaboration.order_labels import Labels
from infra.db.engine import Connection

__all__ = [
    "MOST_STAFF",
    "SUGGESTED",
    "Labels",
    "TagChange",
    "assign",
    "change_tags",
    "known_tags",
    "labels_of",
    "set_tags",
    "shown",
    "staff_names",
]

MOST_STAFF = 1_000
SUGGESTED = 200


@dataclass(frozen=True, slots=True)
class TagChange:
    """Tags to add to an order, and to remove from it."""

    add: Sequence[str] = field(default_factory=list)
    remove: Sequence[str] = field(default_factory=list)


async def labels_of(services: Services, order_nos: Sequence[str]) -> dict[str, Labels]:
    """The labels of these orders, by number."""
    async with services.database.begin() as conn:
        return await order_labels.of(conn, order_nos)


class LabelFields(TypedDict):
    """The labels as members of an order."""

    tags: list[str]
    assignee: str | None


async def shown(services: Services, caller: Principal, order_nos: Sequence[str]) -> dict[str, LabelFields]:
    """The labels as members of orders, by number; nothing for customers and channels."""
    if not caller.is_staff:
        return {}
    found = await labels_of(services, order_nos)
    return {order_no: {"tags": one.tags, "assignee": one.assignee} for order_no, one in found.items()}


async def set_tags(services: Services, caller: Principal, order_no: str, tags: Sequence[str]) -> list[str]:
    """These tags and no others; answers with them. Raises RuleBroken `invalid_tag`, `too_many_tags`."""
    wanted = normalised_all(tags)

    async with services.database.begin() as conn:
        await _as(conn, caller)
        await order_labels.set_tags(conn, order_no, wanted, actor(caller))
        return (await order_labels.of(conn, [order_no]))[order_no].tags


async def change_tags(services: Services, caller: Principal, order_no: str, change: TagChange) -> list[str]:
    """Some tags more, some less; answers with all. For many orders, call it for each. Raises RuleBroken
    `invalid_tag`, `too_many_tags`."""
    add, remove = normalised_all(change.add), [normalised(tag) for tag in change.remove]
    async with services.database.begin() as conn:
        await _as(conn, caller)
        await order_labels.change_tags(conn, order_no, add, remove, actor(caller))
        return (await order_labels.of(conn, [order_no]))[order_no].tags


async def assign(services: Services, caller: Principal, order_no: str, assignee: str | None) -> None:
    """Somebody looks after the order, or nobody. For many orders, call it for each. Raises NotFound
    `staff_not_found`."""
    async with services.database.begin() as conn:
        await _as(conn, caller)
        await order_labels.assign(conn, order_no, assignee, actor(caller))


async def known_tags(services: Services, prefix: str, limit: int) -> list[str]:
    """Tags that orders have and that begin so. Raises RuleBroken `invalid_tag`."""
    begin = normalised(prefix) if prefix.strip() else ""
    async with services.database.begin() as conn:
        return await order_labels.known_tags(conn, begin, limit)


async def staff_names(services: Services) -> list[str]:
    """Whom an order can be assigned to, and who can be mentioned."""
    async with services.database.begin() as conn:
        return await order_labels.staff_names(conn, MOST_STAFF)


async def _as(conn: Connection, caller: Principal) -> None:
    await actor_context.set_actor(conn, actor(caller), caller.origin)
