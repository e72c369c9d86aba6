"""Scan to pick, and scan to hand over. A scan has an id; a page with a script sends it until it is answered."""

import re
import secrets
from dataclasses import dataclass
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from api.console.catalogue.fields import FormErrors
from api.console.forms import key_of, new_key
from api.console.i18n import WORDS, language
from api.console.rendering import page
from api.console.session import CurrentStaff, StaffMember, posted
from api.console.shipping.barcode_photographs import scanned
from api.console.shipping.fulfilment_pages import HOME, ROLES, digest_of
from api.dependencies import require, services_of
from api.errors import Problem
from api.pages.forms import fitting
from api.pages.uploads import form_with_files
from api.schemas.fields import LINE
from api.schemas.picking import ShipParcel
from api.services.shipping import picking, scanning
from api.services.stock.stock_movements import StockRequest
from domain.errors import RuleBroken
from domain.shipping.waves import MAX_IN_WAVE

router = APIRouter(prefix=HOME)
Ids = Annotated[list[Annotated[str, Query(max_length=64, pattern=LINE)]], Query(max_length=MAX_IN_WAVE)]
_SCAN_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
_MANIFEST = re.compile(r"[A-Za-z0-9_-]{1,40}")


@dataclass(frozen=True, slots=True)
class Said:
    """What a scan came to, in the reader's words. `kind` is a tone of Tabler's alerts."""

    kind: Literal["success", "warning", "danger"]
    title: str
    text: str
    status: int = 200


@router.get("/pick")
async def pick(request: Request, member: CurrentStaff, id: Ids = []) -> Response:  # noqa: B006
    """A wave: what is to be taken where, and a field to scan each piece."""
    require(member.principal, *ROLES)
    return await _wave(request, member, list(id))


@router.post("/scan")
async def scan(request: Request, member: CurrentStaff) -> Response:
    """A piece was scanned."""
    require(member.principal, *ROLES)
    fields = await form_with_files(posted(request, member))
    ids = fields.get("ids", "").split()[:MAX_IN_WAVE]
    said = await _piece(request, member, ids, fields)
    return _answer(request, said) or await _wave(request, member, ids, said)


@router.get("/manifests/new")
async def new_manifest(request: Request, member: CurrentStaff) -> Response:
    """A manifest begins with the first parcel."""
    require(member.principal, *ROLES)
    return RedirectResponse(f"{HOME}/manifests/M{secrets.token_hex(5).upper()}", 303)


@router.get("/manifests/{manifest_id}")
async def manifest(request: Request, member: CurrentStaff, manifest_id: str) -> Response:
    """The parcels that leave together, and a field to scan the next label."""
    require(member.principal, *ROLES)
    return await _manifest(request, member, manifest_id)


@router.post("/manifests/{manifest_id}/scan")
async def scan_label(request: Request, member: CurrentStaff, manifest_id: str) -> Response:
    """A label was scanned: its parcel leaves."""
    require(member.principal, *ROLES)
    fields = await form_with_files(posted(request, member))
    said = await _parcel(request, member, manifest_id, fields)
    return _answer(request, said) or await _manifest(request, member, manifest_id, said)


def _is_live(request: Request) -> bool:
    return bool(request.headers.get("x-live"))


def _answer(request: Request, said: Said) -> Response | None:
    """For the script; a form without it gets the page."""
    if not request.headers.get("x-scan"):
        return None
    return JSONResponse({"kind": said.kind, "title": said.title, "text": said.text}, said.status)


async def _piece(request: Request, member: StaffMember, ids: list[str], fields: dict[str, str]) -> Said:
    say, code, scan_id = WORDS.speaker(language(request)), "", key_of(fields)
    try:
        code = await scanned(request, fields)
        if not _SCAN_ID.fullmatch(scan_id) or len(code) > 100:
            raise Problem("wrong_piece")
        found = await scanning.piece(services_of(request), member.principal, ids, code, scan_id)
    except (Problem, RuleBroken) as refused:
        return _refused(request, refused, code)
    line = found.line
    text = say("picking.counted", picked=line.picked, quantity=line.quantity, name=line.name, order=found.order_no)
    return Said("success", say("picking.repeated" if found.repeated else "picking.right"), text)


async def _parcel(request: Request, member: StaffMember, manifest_id: str, fields: dict[str, str]) -> Said:
    say, code = WORDS.speaker(language(request)), ""
    try:
        code = await scanned(request, fields)
        fulfilment_id = await scanning.parcel_named(services_of(request), code[:100])
        body = fitting(ShipParcel, {"manifest_id": manifest_id})
        before = await scanning.one(services_of(request), fulfilment_id)
        asked = StockRequest(services_of(request), member.principal, key_of(fields), digest_of(manifest_id, code))
        reply = await picking.ship(asked, fulfilment_id, body)
    except (Problem, RuleBroken) as refused:
        return _refused(request, refused, code)
    parcel = before.parcel
    if parcel is not None and parcel.handed_at is not None and not reply.replayed:
        return Said("warning", say("problem.already_shipped"), f"{before.order_no} {parcel.manifest_id or ''}".strip())
    return Said("success", say("picking.handed_over"), before.order_no)


def _refused(request: Request, refused: Problem | RuleBroken, code: str) -> Said:
    problem = FormErrors(request, refused).problem
    say = WORDS.speaker(language(request))
    return Said("danger", say(f"problem.{problem.code}"), code, problem.status_code)


async def _wave(request: Request, member: StaffMember, ids: list[str], said: Said | None = None) -> Response:
    wave = await scanning.pick_wave(services_of(request), ids)
    return page(
        request,
        "fulfilment_pick_live.html" if _is_live(request) else "fulfilment_pick.html",
        status=said.status if said else 200,
        member=member,
        wave=wave,
        ids=[work.fulfilment_id for work in wave.works],
        here=f"{HOME}/pick?{urlencode([('id', work.fulfilment_id) for work in wave.works])}",
        said=said,
        key=new_key(),
    )


async def _manifest(request: Request, member: StaffMember, manifest_id: str, said: Said | None = None) -> Response:
    if not _MANIFEST.fullmatch(manifest_id):
        raise Problem("not_found")
    return page(
        request,
        "fulfilment_manifest_live.html" if _is_live(request) else "fulfilment_manifest.html",
        status=said.status if said else 200,
        member=member,
        manifest_id=manifest_id,
        parcels=await scanning.manifest(services_of(request), manifest_id),
        here=f"{HOME}/manifests/{manifest_id}",
        said=said,
        key=new_key(),
    )
