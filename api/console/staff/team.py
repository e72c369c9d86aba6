"""Settings, Staff: who may sign in, invitations by link, a member's role, access, second factor and sessions."""

import hashlib
import re
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from api.console.forms import key_of, new_key
from api.console.rendering import page
from api.console.session import CurrentStaff, StaffMember, posted
from api.dependencies import require, services_of
from api.errors import Problem
from api.pages.forms import digest, fitting
from api.pages.notices import acknowledged
from api.replies import Reply
from api.schemas.staff import NewInvitation, NewRole, SecondFactorReset, StaffAct
from api.services.staff import invitations, staff_members
from domain.access import STAFF_NAME, Role
from domain.errors import NotFound, RuleBroken

router = APIRouter(prefix="/console/settings/staff")

ROLES = tuple(role.value for role in (Role.SUPPORT, Role.WAREHOUSE, Role.FINANCE, Role.OPERATIONS, Role.ADMIN))
_NAME = re.compile(STAFF_NAME)


async def admin(member: CurrentStaff) -> StaffMember:
    """The signed-in admin. Raises Problem `forbidden`."""
    require(member.principal, Role.ADMIN)
    return member


Admin = Annotated[StaffMember, Depends(admin)]


@router.get("")
async def team(request: Request, member: Admin) -> Response:
    """Everybody who may sign in or once could, and the invitations that are open."""
    return await _team(request, member)


@router.post("/invite")
async def invite(request: Request, member: Admin) -> Response:
    """Make an invitation; its link is shown this once."""
    fields = await posted(request, member)
    typed = {name: fields.get(name, "").strip() for name in ("role", "name", "email")}
    typed["name"] = typed["name"].lower()
    try:
        body = fitting(NewInvitation, {name: value or None for name, value in typed.items()})
        services = services_of(request)
        reply = await invitations.invite(services, member.principal, key_of(fields), digest(body), body)
    except (Problem, RuleBroken) as error:
        return await _team(request, member, status=_status(error), typed=typed, errors=_errors(error))
    return await _team(request, member, given=invitations.given(reply))


@router.post("/invitations/{invitation_id}/revoke")
async def revoke(request: Request, member: Admin, invitation_id: str) -> Response:
    """Let this link open nothing any more."""
    fields = await posted(request, member)
    await invitations.revoke(services_of(request), member.principal, key_of(fields), invitation_id)
    return acknowledged(request, "/console/settings/staff", "done.invitation_revoked")


@router.get("/{name}")
async def one(request: Request, member: Admin, name: str) -> Response:
    """One member: role, access, second factor, sessions."""
    return await _one(request, member, name)


@router.post("/{name}/role")
async def change_role(request: Request, member: Admin, name: str) -> Response:
    """Another role, at once."""
    fields = await posted(request, member)

    async def action() -> Reply:
        body = fitting(NewRole, {"role": fields.get("role", "")})
        services = services_of(request)
        return await staff_members.change_role(
            services, member.principal, key_of(fields), digest(body), _known(name), body
        )

    return await _acted(request, member, name, action, "done.role_changed")


@router.post("/{name}/deactivate")
async def deactivate(request: Request, member: Admin, name: str) -> Response:
    """End this member's access and sessions; never the own."""
    fields = await posted(request, member)

    async def action() -> Reply:
        invitations.require_other(member.principal, name)
        body = StaffAct()
        services = services_of(request)
        return await staff_members.remove(services, member.principal, key_of(fields), digest(body), name, body)

    return await _acted(request, member, name, action, "done.staff_deactivated")


@router.post("/{name}/reactivate")
async def reactivate(request: Request, member: Admin, name: str) -> Response:
    """Let this member sign in again."""
    fields = await posted(request, member)

    async def action() -> Reply:
        return await staff_members.reactivate(services_of(request), member.principal, key_of(fields), name)

    return await _acted(request, member, name, action, "done.staff_reactivated")


@router.post("/{name}/end-sessions")
async def end_sessions(request: Request, member: Admin, name: str) -> Response:
    """End every session of this member."""
    fields = await posted(request, member)

    async def action() -> Reply:
        return await staff_members.sign_out(services_of(request), member.principal, key_of(fields), name)

    return await _acted(request, member, name, action, "done.sessions_ended")


@router.post("/{name}/second-factor")
async def reset_second_factor(request: Request, member: Admin, name: str) -> Response:
    """End every second factor; the link for another is shown this once."""
    fields = await posted(request, member)
    typed = fields.get("email", "").strip()
    try:
        body = fitting(SecondFactorReset, {"email": typed or None})
        services = services_of(request)
        reply = await invitations.reset_second_factor(
            services, member.principal, key_of(fields), _digest(name, body), name, body
        )
    except (Problem, RuleBroken) as error:
        if isinstance(error, NotFound):
            raise
        return await _one(request, member, name, status=_status(error), email=typed, errors=_errors(error))
    return await _one(request, member, name, given=invitations.given(reply))


async def _acted(
    request: Request, member: StaffMember, name: str, action: Callable[[], Coroutine[Any, Any, Reply]], words: str
) -> Response:
    """Do it and say so, or show the page again with the reason."""
    try:
        await action()
    except (Problem, RuleBroken) as error:
        if isinstance(error, NotFound):
            raise
        return await _one(request, member, name, status=_status(error), errors=_errors(error))
    return acknowledged(request, f"/console/settings/staff/{name}", words, name=name)


def _known(name: str) -> str:
    """Raises NotFound `staff_not_found` for what cannot be a name."""
    if not _NAME.fullmatch(name):
        raise NotFound("staff_not_found")
    return name


def _digest(name: str, body: SecondFactorReset) -> bytes:
    return hashlib.sha256(f"{name}\n".encode() + digest(body)).digest()


def _status(error: Problem | RuleBroken) -> int:
    return error.status_code if isinstance(error, Problem) else 409


def _errors(error: Problem | RuleBroken) -> dict[str, str]:
    """The words of what is wrong, by field; `page` where it is none of a field."""
    if error.code == "staff_exists":
        return {"name": "join.name_taken"}
    fields = [str(one["field"]) for one in error.errors] if isinstance(error, Problem) else []
    return {field: f"team.{field}_rule" for field in fields} or {"page": f"problem.{error.code}"}


async def _team(request: Request, member: StaffMember, status: int = 200, **outcome: Any) -> Response:
    services = services_of(request)
    context: dict[str, Any] = {
        "typed": {"role": Role.SUPPORT.value, "name": "", "email": ""},
        "errors": {},
        "given": None,
        **outcome,
        "staff": await staff_members.list_members(services),
        "invitations": await invitations.list_open(services),
        "roles": ROLES,
        "key": new_key(),
    }
    return page(request, "staff.html", status=status, member=member, **context)


async def _one(request: Request, member: StaffMember, name: str, status: int = 200, **outcome: Any) -> Response:
    shown = await staff_members.find(services_of(request), name)
    context: dict[str, Any] = {"errors": {}, "email": "", "given": None, **outcome, "shown": shown}
    return page(request, "staff_member.html", status=status, member=member, roles=ROLES, key=new_key(), **context)
