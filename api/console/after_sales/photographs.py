"""Pictures that customers sent, for staff who read personal data."""

from typing import Literal

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.console.session import CurrentStaff
from api.dependencies import require, services_of
from api.http.responses import private_picture_response
from api.services.files import file_store
from domain.access import PERSONAL_DATA_READ_BY

router = APIRouter(prefix="/console/pictures")


@router.get("/{picture_id}")
async def picture(
    request: Request, member: CurrentStaff, picture_id: str, size: Literal["full", "small"] = "full"
) -> Response:
    """Any picture of the store; browsers do not keep it."""
    require(member.principal, *PERSONAL_DATA_READ_BY)
    found = await file_store.any_picture(services_of(request), picture_id, size == "small")
    return private_picture_response(found)
