"""Photographs of a return: uploaded, listed, seen."""

from dataclasses import asdict
from typing import Any, Literal

from fastapi import APIRouter, Request, Response

from api.dependencies import Caller, idempotency_key, json_response, require, services_of
from api.http.openapi import Answer, operation
from api.http.responses import private_picture_response, response_of
from api.pages.uploads import sent_files
from api.schemas.after_sales.return_photographs import ReturnPhotographs
from api.services.after_sales import return_lookup, return_photographs
from api.services.after_sales.keyed_request import KeyedRequest
from api.services.files import uploads

router = APIRouter(prefix="/v1/returns/{return_id}/photographs", tags=["returns"])
_MEDIA = ["image/webp", "image/png", "image/jpeg"]
_UPLOAD: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["photographs"],
                    "properties": {"photographs": {"type": "array", "items": {"type": "string", "format": "binary"}}},
                }
            }
        },
    }
}


@router.get("", **operation("list_return_photographs", Answer(200, ReturnPhotographs)))
async def list_photographs(return_id: str, request: Request, caller: Caller) -> Response:
    """The photographs of a return; for its owner, support and warehouse."""
    require(caller, *return_photographs.SEEN_BY)
    services = services_of(request)
    found = await return_lookup.visible(services, caller, return_id)
    photographs = await return_photographs.every(services, found["return_id"])
    return json_response({"items": [asdict(one) for one in photographs]})


@router.post("", **operation("add_return_photographs", Answer(201, ReturnPhotographs), with_key=True, more=_UPLOAD))
async def add_photographs(return_id: str, request: Request, caller: Caller) -> Response:
    """Add photographs to an open return: PNG, JPEG or WebP, at most 8 MB each, ten to a return. They are encoded again
    without metadata and stored encrypted."""
    require(caller, *return_photographs.ADDED_BY)
    services, key = services_of(request), idempotency_key(request)
    owner_id = await return_lookup.owner_of(services, caller, return_id)
    checked = await uploads.all_checked(await sent_files(request, "photographs"))
    keyed = KeyedRequest(caller, key, uploads.digest_of(return_id, checked))
    return response_of(await return_photographs.add(services, keyed, return_id, owner_id, checked))


@router.get("/{file_id}", **operation("get_return_photograph", Answer(200, media=_MEDIA)))
async def get_photograph(
    return_id: str, file_id: str, request: Request, caller: Caller, size: Literal["full", "small"] = "full"
) -> Response:
    """One photograph of the return; for its owner, support and warehouse."""
    require(caller, *return_photographs.SEEN_BY)
    services = services_of(request)
    found = await return_lookup.visible(services, caller, return_id)
    picture = await return_photographs.one(services, found["return_id"], file_id, size == "small")
    return private_picture_response(picture)
