"""What the warehouse prints: packing slips and manifests as PDF, each with a code to scan."""

from collections.abc import Awaitable
from dataclasses import asdict

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.console.i18n import language
from api.console.session import CurrentStaff
from api.console.shipping.fulfilment_pages import HOME, ROLES
from api.console.shipping.scan_pages import Ids
from api.dependencies import require, services_of
from api.errors import unavailable
from api.http.responses import file_response
from api.presenters.packing_slips import slips_of
from api.services.orders import order_queries, parcel_labels
from api.services.shipping import scanning
from api.services.shipping.scanning import Work
from domain.errors import NotFound
from domain.json_types import JsonFields
from infra.pdf.rendering import Unrendered, manifest_pdf, pdf_of_all

router = APIRouter(prefix=HOME)


@router.get("/packing-slips.pdf")
async def packing_slips(request: Request, member: CurrentStaff, id: Ids = []) -> Response:  # noqa: B006
    """What goes into each parcel, without prices. Raises NotFound `nothing_to_print` where all are cancelled."""
    require(member.principal, *parcel_labels.READ_BY)
    wave = await scanning.wave(services_of(request), list(id))
    found = [await _slip(request, member, work) for work in wave.works]
    slips = [slip for slip in found if slip is not None]
    if not slips:
        raise NotFound("nothing_to_print")
    made = pdf_of_all(slips, language(request))
    return file_response(await _made(made), "application/pdf", "packing-slips.pdf")


@router.get("/manifests/{manifest_id}/manifest.pdf")
async def manifest(request: Request, member: CurrentStaff, manifest_id: str) -> Response:
    """The parcels that left together, to be signed. Raises NotFound `not_found`."""
    require(member.principal, *ROLES)
    parcels = await scanning.manifest(services_of(request), manifest_id)
    if not parcels:
        raise NotFound("not_found")
    rows = [asdict(one) | {"handed_at": f"{one.handed_at:%Y-%m-%d %H:%M}"} for one in parcels]
    made = manifest_pdf({"document_no": manifest_id, "parcels": rows}, language(request))
    return file_response(await _made(made), "application/pdf", f"{manifest_id}.pdf")


async def _slip(request: Request, member: CurrentStaff, work: Work) -> JsonFields | None:
    """None for a part that is cancelled."""
    order = await order_queries.detail(services_of(request), member.principal, work.order_no)
    return next((slip for slip in slips_of(order) if slip["fulfilment"] == work.fulfilment_id), None)


async def _made(content: Awaitable[bytes]) -> bytes:
    try:
        return await content
    except Unrendered:
        raise unavailable("pdf_unavailable", "the PDF could not be made just now; try again") from None
