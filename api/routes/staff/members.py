"""Members of staff: who may sign in to the console."""

import re

from fastapi import APIRouter, Request, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from api.dependencies import Caller, actor, idempotency_key, json_response, require, services
from api.idempotency import Shown, in_books, shown_once
from api.openapi import body_of, problems
from api.request_body import Parsed, read
from api.responses import response_of
from api.schemas.staff import GivenSecrets, NewStaff, RemovedStaff, StaffAct, StaffList
from domain.access import STAFF_NAME, Role
from domain.errors import NotFound
from infra.db.idempotency import Request as Asked
from infra.db.staff import members
from infra.security import staff_accounts

router = APIRouter(prefix="/v1/staff", tags=["staff"])

_NAME = re.compile(STAFF_NAME)


@router.get("", response_model=StaffList, responses=problems())
async def every(request: Request, caller: Caller) -> Response:
    """Who may sign in, in which role, and who did last. For admins."""
    require(caller, Role.ADMIN)
    async with services(request).database.begin() as conn:
        return json_response({"items": await members.everybody(conn), "next_cursor": None})


@router.post("", status_code=201, response_model=GivenSecrets, openapi_extra=body_of(NewStaff), responses=problems())
async def add(request: Request, caller: Caller) -> Response:
    """Let somebody in. The first answer is all that shows password and second factor; a repeat is without. For admins.

    `address` is what an authenticator app scans. Secrets that were lost are replaced by a reset.
    """
    parts = services(request)
    require(caller, Role.ADMIN)
    key = idempotency_key(request)
    parsed = await read(request, NewStaff)
    wish = parsed.model

    async def work(conn: AsyncConnection) -> Shown:
        secrets = await staff_accounts.add(conn, parts.keys.vault, wish.name, wish.role)
        return Shown({"name": wish.name, "role": wish.role}, secrets)

    return response_of(await shown_once(parts, Asked(actor(caller), key, parsed.digest, caller.origin), 201, work))


@router.post("/{name}/reset", response_model=GivenSecrets, openapi_extra=body_of(StaffAct), responses=problems())
async def reset(name: str, request: Request, caller: Caller) -> Response:
    """Another password and second factor, shown in the first answer alone; every session of this person ends.

    For admins. Of the only admin who can sign in: 409 `last_admin`, unless `even_last_admin` is true.
    """
    parts = services(request)
    asked, wish = await _asked(name, request, caller)

    async def work(conn: AsyncConnection) -> Shown:
        even = wish.model.even_last_admin
        return Shown({"name": name}, await staff_accounts.reset(conn, parts.keys.vault, name, even_last_admin=even))

    return response_of(await shown_once(parts, asked, 200, work))


@router.post("/{name}/remove", response_model=RemovedStaff, openapi_extra=body_of(StaffAct), responses=problems())
async def remove(name: str, request: Request, caller: Caller) -> Response:
    """Let somebody in no more; every session of this person ends, what he did keeps his name.

    For admins. Of the only admin who can sign in: 409 `last_admin`, unless `even_last_admin` is true. Tokens of this
    person are revoked by themselves (`GET /v1/tokens?subject=`).
    """
    asked, wish = await _asked(name, request, caller)

    async def work(conn: AsyncConnection) -> dict[str, object]:
        await staff_accounts.remove(conn, name, even_last_admin=wish.model.even_last_admin)
        return {"name": name, "active": False}

    return response_of(await in_books(services(request), asked, 200, work))


async def _asked(name: str, request: Request, caller: Caller) -> tuple[Asked, Parsed[StaffAct]]:
    require(caller, Role.ADMIN)
    key = idempotency_key(request)
    wish = await read(request, StaffAct, optional=True)
    if not _NAME.fullmatch(name):
        raise NotFound("staff_not_found")
    return Asked(actor(caller), key, wish.digest, caller.origin), wish
