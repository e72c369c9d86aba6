"""Notes of staff on an order, and the mentions in them."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.authorization import visible_order
from api.dependencies import Caller, idempotency_key, json_response, require_staff, services_of
from api.http.openapi import Answer, operation
from api.http.request_body import read
from api.http.responses import response_of
from api.schemas.collaboration.notes import (
    MentionList,
    MentionsRead,
    Note,
    NoteId,
    NoteList,
    ReadMentions,
    WriteNote,
)
from api.services.collaboration import my_mentions, order_notes

router = APIRouter(tags=["collaboration"])

Limit = Annotated[int, Query(ge=1, le=200)]


@router.get("/v1/orders/{order_no}/notes", **operation("list_order_notes", Answer(200, NoteList)))
async def of_order(
    order_no: str, request: Request, caller: Caller, limit: Limit = 50, cursor: str | None = None
) -> Response:
    """Notes of staff on the order, newest first. For staff alone: customers and channels never see them."""
    require_staff(caller)
    services = services_of(request)
    overview = await visible_order(services, caller, order_no)
    return json_response(await order_notes.page(services, overview.order_no, cursor, limit))


@router.post("/v1/orders/{order_no}/notes", **operation("add_order_note", Answer(201, Note), body=WriteNote))
async def add(order_no: str, request: Request, caller: Caller) -> Response:
    """Write a note. `@name` mentions an active member of staff, who finds it in `GET /v1/mentions` and the console."""
    require_staff(caller)
    services, key = services_of(request), idempotency_key(request)
    overview = await visible_order(services, caller, order_no)
    parsed = await read(request, WriteNote)
    return response_of(
        await order_notes.add(services, caller, key, parsed.digest, overview.order_no, parsed.model.text)
    )


@router.patch(
    "/v1/orders/{order_no}/notes/{note_id}", **operation("edit_order_note", Answer(200, Note), body=WriteNote)
)
async def edit(order_no: str, note_id: NoteId, request: Request, caller: Caller) -> Response:
    """Write another text, for a time after the note was written (OMS_NOTE_CHANGE_S); only its author can. Every
    version stays in the audit log."""
    require_staff(caller)
    services, key = services_of(request), idempotency_key(request)
    overview = await visible_order(services, caller, order_no)
    parsed = await read(request, WriteNote)
    return response_of(
        await order_notes.edit(services, caller, key, parsed.digest, overview.order_no, note_id, parsed.model.text)
    )


@router.delete("/v1/orders/{order_no}/notes/{note_id}", **operation("delete_order_note", Answer(204)))
async def delete(order_no: str, note_id: NoteId, request: Request, caller: Caller) -> Response:
    """Delete a note: its author for the same time, an admin always. Its text stays in the audit log."""
    require_staff(caller)
    services = services_of(request)
    overview = await visible_order(services, caller, order_no)
    await order_notes.delete(services, caller, overview.order_no, note_id)
    return Response(status_code=204)


@router.get("/v1/mentions", **operation("list_mentions", Answer(200, MentionList)))
async def mentions(
    request: Request, caller: Caller, unread: bool = False, limit: Limit = 50, cursor: str | None = None
) -> Response:
    """Notes that mention the caller, newest first."""
    require_staff(caller)
    found = await my_mentions.page(services_of(request), caller, cursor, limit, unread=unread)
    items = [item.as_json() for item in found.items]
    return json_response({"items": items, "next_cursor": found.next_cursor, "unread": found.unread})


@router.post("/v1/mentions/read", **operation("read_mentions", Answer(200, MentionsRead), body=ReadMentions))
async def read_mentions(request: Request, caller: Caller) -> Response:
    """The caller has read these mentions, or all of them."""
    require_staff(caller)
    key, parsed = idempotency_key(request), await read(request, ReadMentions, optional=True)
    services = services_of(request)
    return response_of(await my_mentions.read(services, caller, key, parsed.digest, parsed.model.note_ids))
