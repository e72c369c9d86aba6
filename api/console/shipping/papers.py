"""What the warehouse prints: packing slips and manifests as PDF, each with a code to scan."""

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
from api.services.orders import order_queries, parcel_labels
from api.services.shipping import scanning
from api.services.shipping.scanning import Work
from domain.errors import NotFound
from domain.json_types import JsonFields
from domain.orders.addresses import address_lines
from infra.pdf.rendering import Unrendered, warehouse_pdf

router = APIRouter(prefix=HOME)


@router.get("/packing-slips.pdf")
async def packing_slips(request: Request, member: CurrentStaff, id: Ids = []) -> Response:  # noqa: B006
    """What goes into each parcel, without prices."""
    require(member.principal, *parcel_labels.READ_BY)
    wave = await scanning.wave(services_of(request), list(id))
    slips = [await _slip(request, member, work) for work in wave.works]
    return await _pdf(request, {"document_no": "packing-slips", "kind": "packing_slips", "slips": slips})


@router.get("/manifests/{manifest_id}/manifest.pdf")
async def manifest(request: Request, member: CurrentStaff, manifest_id: str) -> Response:
    """The parcels that left together, to be signed. Raises NotFound `not_found`."""
    require(member.principal, *ROLES)
    parcels = await scanning.manifest(services_of(request), manifest_id)
    if not parcels:
        raise NotFound("not_found")
    rows = [asdict(one) | {"handed_at": f"{one.handed_at:%Y-%m-%d %H:%M}"} for one in parcels]
    return await _pdf(request, {"document_no": manifest_id, "kind": "manifest", "parcels": rows})


async def _slip(request: Request, member: CurrentStaff, work: Work) -> JsonFields:
    order = await order_queries.detail(services_of(request), member.principal, work.order_no)
    ship_to = order["ship_to"]
    return {
        "fulfilment_id": work.fulfilment_id,
        "order_no": work.order_no,
        "warehouse": work.warehouse,
        "tracking_no": work.parcel.tracking_no if work.parcel else None,
        "carrier": work.parcel.carrier if work.parcel else None,
        "ship_to": [ship_to["name"], *address_lines(ship_to), ship_to.get("phone") or ""] if ship_to else [],
        "note": order["note"] or "",
        "lines": [{"sku": line.sku, "name": line.name, "quantity": line.quantity} for line in work.lines],
    }


async def _pdf(request: Request, sheet: JsonFields) -> Response:
    try:
        content = await warehouse_pdf(sheet, language(request))
    except Unrendered:
        raise unavailable("pdf_unavailable", "the PDF could not be made just now; try again") from None
    return file_response(content, "application/pdf", f"{sheet['document_no']}.pdf")
