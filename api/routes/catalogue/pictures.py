"""Pictures of products."""

from typing import Literal

from fastapi import APIRouter, Request, Response

from api.dependencies import services_of
from api.http.openapi import Answer, operation
from api.http.responses import picture_response
from api.services.files import file_store

router = APIRouter(prefix="/v1/pictures", tags=["catalogue"])
_MEDIA = ["image/webp", "image/png", "image/jpeg"]


@router.get("/{picture_id}", **operation("get_picture", Answer(200, media=_MEDIA)))
async def get_picture(picture_id: str, request: Request, size: Literal["full", "small"] = "full") -> Response:
    """A picture of the shop's own, without a token: its id is the hash of its bytes. Pictures of customers are not
    found here."""
    found = await file_store.public_picture(services_of(request), picture_id, size == "small")
    return picture_response(found.content, found.media_type, public=True)
