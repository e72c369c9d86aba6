"""What the warehouse prints for many orders at once: packing slips as one page, carrier labels as one archive."""

import tempfile
import zipfile
from typing import IO, Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response, StreamingResponse

from api.console.orders.table_query import PATH
from api.console.rendering import page
from api.console.session import CurrentStaff
from api.dependencies import Services, order_number, require, services_of
from api.schemas.fields import LINE
from api.services.orders import order_queries, parcel_labels
from domain.errors import NotFound
from domain.orders.bulk_actions import MAX_ORDERS
from infra.spreadsheets import chunks

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


@router.get("/labels")
async def labels(
    request: Request,
    member: CurrentStaff,
    order_no: Annotated[list[OrderNo], Query(max_length=MAX_ORDERS)] = [],  # noqa: B006
) -> Response:
    """The carrier labels of the parcels that go out, one file for each parcel. Orders without one are listed in the
    archive. Raises NotFound `label_not_found` where no order has one."""
    require(member.principal, *parcel_labels.READ_BY)
    services, numbers = services_of(request), list(dict.fromkeys(order_no))
    archive = await _archive(services, [order_number(number) for number in numbers])
    headers = {"Content-Disposition": 'attachment; filename="labels.zip"', "Cache-Control": "no-store"}
    return StreamingResponse(chunks(archive), 200, headers, "application/zip")


async def _archive(services: Services, numbers: list[str]) -> IO[bytes]:
    file = tempfile.TemporaryFile()  # noqa: SIM115  the response closes it
    without: list[str] = []
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in numbers:
            found = await parcel_labels.labels_of_order(services, number)
            if not found:
                without.append(number)
            for place, (kind, content) in enumerate(found, 1):
                name = number if len(found) == 1 else f"{number}-{place}"
                archive.writestr(f"{name}.{kind.lower()}", content)
        archive.writestr("without-label.txt", "".join(f"{number}\n" for number in without))
    if len(without) == len(numbers):
        file.close()
        raise NotFound("label_not_found")
    file.seek(0)
    return file
