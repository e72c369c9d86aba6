"""A code that was photographed, where the browser reads no barcodes itself. Nothing of the photograph is stored."""

from collections.abc import Mapping

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from api.console.i18n import WORDS, language
from api.console.session import CurrentStaff, posted
from api.console.shipping.fulfilment_pages import HOME, ROLES
from api.dependencies import require
from api.errors import Problem
from api.pages.uploads import form_with_files, uploaded
from api.services.files.file_store import barcode_on
from domain.errors import RuleBroken

router = APIRouter(prefix=HOME)


@router.post("/barcode")
async def read(request: Request, member: CurrentStaff) -> Response:
    """The code on a photograph. Reading counts nothing: the script scans the code as if it had been typed."""
    require(member.principal, *ROLES)
    try:
        fields = await form_with_files(posted(request, member))
        code = await scanned(request, fields)
        if not code:
            raise RuleBroken("picture_missing")
    except (Problem, RuleBroken) as refused:
        status = refused.status_code if isinstance(refused, Problem) else 422
        title = WORDS.speaker(language(request))(f"problem.{refused.code}")
        return JSONResponse({"kind": "warning", "title": title, "text": ""}, status)
    return JSONResponse({"code": code})


async def scanned(request: Request, fields: Mapping[str, str]) -> str:
    """What a form says was scanned: typed, or on its photograph. Raises what `barcode_on` raises."""
    typed = fields.get("code", "").strip()
    photographs = [] if typed else await uploaded(request, "photograph")
    return await barcode_on(photographs[0]) if photographs else typed
