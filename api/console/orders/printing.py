"""What is printed for many orders at once: packing slips as a page, and files of documents and labels."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from api.console.i18n import language
from api.console.orders.table_query import PATH
from api.console.rendering import page
from api.console.session import CurrentStaff
from api.dependencies import require, services_of
from api.presenters import order_prints
from api.schemas.fields import LINE
from api.services.orders import order_printing, order_queries, parcel_labels
from api.services.orders.order_printing import PrintKind
from domain.orders.bulk_actions import MAX_ORDERS

router = APIRouter(prefix=PATH)
OrderNo = Annotated[str, Query(max_length=40, pattern=LINE)]
# A page holds the whole of each order.
MAX_SLIPS = 100


@router.get("/packing-slips")
async def packing_slips(
    request: Request,
    member: CurrentStaff,
    order_no: Annotated[list[OrderNo], Query(max_length=MAX_ORDERS)] = [],  # noqa: B006
) -> Response:
    """What goes into each parcel, without prices; of at most a hundred orders."""
    require(member.principal, *parcel_labels.READ_BY)
    services, numbers = services_of(request), list(dict.fromkeys(order_no))
    orders = [await order_queries.detail(services, member.principal, number) for number in numbers[:MAX_SLIPS]]
    cut = len(numbers) > MAX_SLIPS
    return page(request, "packing_slips.html", member=member, orders=orders, cut=cut, most=MAX_SLIPS)


@router.get("/print")
async def prints(
    request: Request,
    member: CurrentStaff,
    kind: PrintKind,
    order_no: Annotated[list[OrderNo], Query(max_length=MAX_ORDERS)] = [],  # noqa: B006
) -> Response:
    """Invoices or packing slips as one PDF, carrier labels or all of it as an archive."""
    printed = await order_printing.read(services_of(request), member.principal, kind, order_no)
    return await order_prints.file_of(printed, language(request))
