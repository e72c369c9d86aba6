"""Notes of staff on an order: all of them, and forms to write, edit and delete one."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from api.authorization import visible_order
from api.console.collaboration import panel
from api.console.forms import digest, key_of
from api.console.session import CurrentStaff, posted
from api.dependencies import require_staff, services_of
from api.errors import Problem
from api.pages import forms
from api.pages.notices import acknowledged
from api.schemas.collaboration.notes import NoteId, WriteNote
from api.services.collaboration import order_notes
from domain.errors import RuleBroken

router = APIRouter(prefix="/console/orders")


@router.get("/{order_no}/notes")
async def every(
    request: Request,
    member: CurrentStaff,
    order_no: str,
    cursor: Annotated[str, Query(max_length=300)] = "",
) -> Response:
    """The order's notes, newest first, with its tags and assignee."""
    require_staff(member.principal)
    overview = await visible_order(services_of(request), member.principal, order_no)
    return await panel.show(request, member, overview.order_no, cursor or None)


@router.post("/{order_no}/notes")
async def add(request: Request, member: CurrentStaff, order_no: str) -> Response:
    """Write one."""
    require_staff(member.principal)
    services, fields = services_of(request), await posted(request, member)
    overview, typed = await visible_order(services, member.principal, order_no), _typed(fields)
    try:
        body = forms.fitting(WriteNote, {"text": typed})
        key = key_of(fields)
        await order_notes.add(services, member.principal, key, digest(body), overview.order_no, body.text)
    except (Problem, RuleBroken) as error:
        return await panel.again(request, member, overview.order_no, error, "note", typed)
    return acknowledged(request, f"/console/orders/{overview.order_no}#notes", "done.note_added")


@router.post("/{order_no}/notes/{note_id}")
async def edit(request: Request, member: CurrentStaff, order_no: str, note_id: NoteId) -> Response:
    """Write another text for it."""
    require_staff(member.principal)
    services, fields = services_of(request), await posted(request, member)
    overview, typed = await visible_order(services, member.principal, order_no), _typed(fields)
    try:
        body = forms.fitting(WriteNote, {"text": typed})
        key = key_of(fields)
        await order_notes.edit(services, member.principal, key, digest(body), overview.order_no, note_id, body.text)
    except (Problem, RuleBroken) as error:
        return await panel.again(request, member, overview.order_no, error, f"edit:{note_id}", typed)
    return acknowledged(request, f"/console/orders/{overview.order_no}#notes", "done.note_edited")


@router.post("/{order_no}/notes/{note_id}/delete")
async def delete(request: Request, member: CurrentStaff, order_no: str, note_id: NoteId) -> Response:
    """Show it no more."""
    require_staff(member.principal)
    services = services_of(request)
    await posted(request, member)
    overview = await visible_order(services, member.principal, order_no)
    await order_notes.delete(services, member.principal, overview.order_no, note_id)
    return acknowledged(request, f"/console/orders/{overview.order_no}#notes", "done.note_deleted")


def _typed(fields: dict[str, str]) -> str:
    """A browser sends line ends as CR LF; words are kept with LF alone."""
    return fields.get("text", "").replace("\r\n", "\n").strip()
