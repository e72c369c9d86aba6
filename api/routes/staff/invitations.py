"""Invitations of staff: single-use links, made, listed and revoked by admins."""

from fastapi import APIRouter, Request, Response

from api.dependencies import Caller, idempotency_key, json_response, require, services_of
from api.http.openapi import Answer, operation
from api.http.request_body import read
from api.http.responses import response_of
from api.schemas.staff import InvitationLink, InvitationList, NewInvitation, RevokedInvitation
from api.services.staff import invitations
from domain.access import Role

router = APIRouter(prefix="/v1/staff/invitations", tags=["staff"])


@router.get("", **operation("list_staff_invitations", Answer(200, InvitationList)))
async def list_open(request: Request, caller: Caller) -> Response:
    """Invitations and links for a new second factor that can still be used, never the links themselves. For admins."""
    require(caller, Role.ADMIN)
    items = await invitations.list_open(services_of(request))
    return json_response({"items": items, "next_cursor": None})


@router.post("", **operation("invite_staff_member", Answer(201, InvitationLink), body=NewInvitation))
async def invite(request: Request, caller: Caller) -> Response:
    """A link with which somebody joins: they choose name, password and second factor. For admins.

    It is in the first answer alone, works once, and until OMS_STAFF_INVITATION_S have passed. With `email` it is sent
    there as well, where a mail server is configured (`sent`, `send_error`).
    """
    require(caller, Role.ADMIN)
    key, parsed = idempotency_key(request), await read(request, NewInvitation)
    return response_of(await invitations.invite(services_of(request), caller, key, parsed.digest, parsed.model))


@router.post(
    "/{invitation_id}/revoke",
    **operation("revoke_staff_invitation", Answer(200, RevokedInvitation), with_key=True),
)
async def revoke(invitation_id: str, request: Request, caller: Caller) -> Response:
    """Let this link open nothing any more. For admins."""
    require(caller, Role.ADMIN)
    return response_of(await invitations.revoke(services_of(request), caller, idempotency_key(request), invitation_id))
