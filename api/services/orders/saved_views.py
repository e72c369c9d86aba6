"""Saved views of the table of orders, and the columns that each person chose."""

import re
from collections.abc import Sequence

from api.dependencies import Services, actor, derived_id
from api.errors import Problem
from api.idempotency import request_of, run_in_transaction
from api.replies import Reply
from api.schemas.orders.views import SaveView
from domain.access import Principal, Role
from domain.errors import NotFound
from domain.orders.table_columns import Column
from infra.db.audit import actor_context
from infra.db.engine import Connection
from infra.db.orders.searching import saved_views
from infra.db.orders.searching.saved_views import SavedView

_VIEW_ID = re.compile(r"^view_[0-9a-f]{32}$")


async def seen_by(services: Services, caller: Principal) -> list[SavedView]:
    """The caller's own views, then the shared ones of others."""
    async with services.database.begin() as conn:
        return await saved_views.seen_by(conn, caller.subject)


async def save(services: Services, caller: Principal, key: str, digest: bytes, body: SaveView) -> Reply:
    """Raises Conflict `view_name_taken`, `too_many_views`, Problem `invalid_value` for a program with a long name."""
    if len(caller.subject) > saved_views.MAX_OWNER:
        raise Problem("invalid_value", f"views are for people: a name has at most {saved_views.MAX_OWNER} characters")
    filters = body.filters.model_dump(mode="json", exclude_none=True)

    async def work(conn: Connection) -> SavedView:
        view_id = f"view_{derived_id(caller, key, 'save view')}"
        return await saved_views.add(conn, view_id, caller.subject, body.name, filters, shared=body.shared)

    return await run_in_transaction(services, request_of(caller, key, digest), 201, work)


async def remove(services: Services, caller: Principal, view_id: str) -> None:
    """Delete a view of one's own; an admin deletes shared ones, too. Raises NotFound `view_not_found`."""
    if not _VIEW_ID.match(view_id):
        raise NotFound("view_not_found")
    async with services.database.begin() as conn:
        await actor_context.set_actor(conn, actor(caller), caller.origin)
        await saved_views.remove(conn, view_id, caller.subject, anyone=caller.role is Role.ADMIN)


async def choose_columns(services: Services, caller: Principal, columns: Sequence[Column]) -> None:
    """From now on the table shows the caller these."""
    async with services.database.begin() as conn:
        await saved_views.choose_columns(conn, caller.subject, [column.value for column in columns])
