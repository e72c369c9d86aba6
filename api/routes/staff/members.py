"""Members of staff: who may sign in to the console."""

from fastapi import APIRouter, Request, Response

from api.dependencies import Caller, idempotency_key, json_response, require, services_of
from api.http.openapi import Answer, operation
from api.http.request_body import read
from api.http.responses import response_of
from api.schemas.staff import (
    ActiveStaff,
    ChangedRole,
    EndedSessions,
    GivenSecrets,
    InvitationLink,
    NewRole,
    NewStaff,
    RemovedStaff,
    SecondFactorReset,
    StaffAct,
    StaffList,
)
from api.services.staff import invitations, staff_members
from domain.access import Role

router = APIRouter(prefix="/v1/staff", tags=["staff"])


@router.get("", **operation("list_staff", Answer(200, StaffList)))
async def list_members(request: Request, caller: Caller) -> Response:
    """Who may sign in, in which role, and when each last did. For admins."""
    require(caller, Role.ADMIN)
    items = await staff_members.list_members(services_of(request))
    return json_response({"items": items, "next_cursor": None})


@router.post("", **operation("add_staff_member", Answer(201, GivenSecrets), body=NewStaff))
async def add(request: Request, caller: Caller) -> Response:
    """Add a member. The first answer is all that shows password and second factor; a repeat is without. For admins.

    `address` is what an authenticator app scans. Secrets that were lost are replaced by a reset.
    """
    services = services_of(request)
    require(caller, Role.ADMIN)
    key = idempotency_key(request)
    parsed = await read(request, NewStaff)
    return response_of(await staff_members.add(services, caller, key, parsed.digest, parsed.model))


@router.post("/{name}/reset", **operation("reset_staff_member", Answer(200, GivenSecrets), body=StaffAct))
async def reset(name: str, request: Request, caller: Caller) -> Response:
    """Another password and second factor, shown in the first answer alone; every session of this member ends.

    For admins. Of the only admin who can sign in: 409 `last_admin`, unless `even_last_admin` is true.
    """
    require(caller, Role.ADMIN)
    key, parsed = idempotency_key(request), await read(request, StaffAct, optional=True)
    services = services_of(request)
    return response_of(await staff_members.reset(services, caller, key, parsed.digest, name, parsed.model))


@router.post("/{name}/remove", **operation("remove_staff_member", Answer(200, RemovedStaff), body=StaffAct))
async def remove(name: str, request: Request, caller: Caller) -> Response:
    """End a member's access; every session ends, and what the member did stays under this name.

    For admins. Of the only admin who can sign in: 409 `last_admin`, unless `even_last_admin` is true. Tokens of this
    member are revoked separately (`GET /v1/tokens?subject=`).
    """
    require(caller, Role.ADMIN)
    key, parsed = idempotency_key(request), await read(request, StaffAct, optional=True)
    services = services_of(request)
    return response_of(await staff_members.remove(services, caller, key, parsed.digest, name, parsed.model))


@router.post("/{name}/reactivate", **operation("reactivate_staff_member", Answer(200, ActiveStaff), with_key=True))
async def reactivate(name: str, request: Request, caller: Caller) -> Response:
    """Let somebody who was removed sign in again, with the password and second factor of before. For admins."""
    require(caller, Role.ADMIN)
    return response_of(await staff_members.reactivate(services_of(request), caller, idempotency_key(request), name))


@router.post("/{name}/role", **operation("change_staff_role", Answer(200, ChangedRole), body=NewRole))
async def change_role(name: str, request: Request, caller: Caller) -> Response:
    """Another role, which open sessions have at once. For admins.

    The own role: 403 `own_role`. The last admin's: 409 `last_admin`.
    """
    require(caller, Role.ADMIN)
    key, parsed = idempotency_key(request), await read(request, NewRole)
    services = services_of(request)
    return response_of(await staff_members.change_role(services, caller, key, parsed.digest, name, parsed.model))


@router.post(
    "/{name}/second-factor/reset",
    **operation("reset_staff_second_factor", Answer(200, InvitationLink), body=SecondFactorReset),
)
async def reset_second_factor(name: str, request: Request, caller: Caller) -> Response:
    """End every second factor and session of a member, and make a link that sets up another with the password.

    For admins; the own account: 403 `own_role`. The link is in the first answer alone, works once, and until
    OMS_STAFF_INVITATION_S have passed.
    """
    require(caller, Role.ADMIN)
    key, parsed = idempotency_key(request), await read(request, SecondFactorReset, optional=True)
    services = services_of(request)
    return response_of(await invitations.reset_second_factor(services, caller, key, parsed.digest, name, parsed.model))


@router.post("/{name}/sign-out", **operation("sign_out_staff_member", Answer(200, EndedSessions), with_key=True))
async def sign_out(name: str, request: Request, caller: Caller) -> Response:
    """End every session of a member in the console. For admins."""
    require(caller, Role.ADMIN)
    return response_of(await staff_members.sign_out(services_of(request), caller, idempotency_key(request), name))
