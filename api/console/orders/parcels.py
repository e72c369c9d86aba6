"""What the warehouse prints for an order: the carrier's label and the packing slip."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.authorization import visible_order
from api.console.rendering import page
from api.console.session import CurrentStaff
from api.dependencies import require, services_of
from api.http.responses import file_response
from api.presenters.return_labels import MEDIA_TYPES, OTHER_TYPE
from api.services.orders import order_queries, parcel_labels

router = APIRouter(prefix="/console/orders")


@router.get("/{order_no}/parcels/{shipment_id}/label")
async def label(request: Request, member: CurrentStaff, order_no: str, shipment_id: str) -> Response:
    """The carrier's label; it carries the customer's address."""
    require(member.principal, *parcel_labels.READ_BY)
    services = services_of(request)
    number = (await visible_order(services, member.principal, order_no)).order_no
    format_, content = await parcel_labels.label(services, number, shipment_id)
    return file_response(content, MEDIA_TYPES.get(format_, OTHER_TYPE), f"{number}.{format_.lower()}")


@router.get("/{order_no}/packing-slip")
async def packing_slip(request: Request, member: CurrentStaff, order_no: str) -> Response:
    """What goes into the parcel, to be printed; without prices."""
    require(member.principal, *parcel_labels.READ_BY)
    services = services_of(request)
    number = (await visible_order(services, member.principal, order_no)).order_no
    return page(request, "order_packing_slip.html", member=member, order=await order_queries.known(services, number))
