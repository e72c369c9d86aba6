"""The list of orders as a file."""

from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from api.dependencies import Caller, require_staff, services_of
from api.http.openapi import CONTENT_DISPOSITION, Answer, operation
from api.presenters import order_files
from api.routes.orders.filters import Filters
from api.services.orders import order_export
from api.services.orders.order_queries import Sort
from infra.spreadsheets import CSV, XLSX

router = APIRouter(prefix="/v1/orders", tags=["orders"])
Format = Annotated[Literal["csv", "xlsx"], Query(description="CSV has any number of rows, XLSX at most 50,000.")]


@router.get(
    "/export",
    **operation("export_orders", Answer(200, headers=[CONTENT_DISPOSITION], media=[CSV.partition(";")[0], XLSX])),
)
async def export(
    request: Request,
    caller: Caller,
    filters: Filters,
    format: Format = "csv",
    sort: Sort = "-created_at",
) -> Response:
    """All orders that `GET /v1/orders` lists with these filters, one row each, for staff; sorted by total the newest
    come first. Names, addresses, e-mail addresses and telephone numbers are only in files for support and warehouse.
    Each export is in the audit log."""
    require_staff(caller)
    services = services_of(request)
    filters, among = await order_export.begin(services, caller, format, filters)
    pages = order_export.pages(services, caller, filters, sort, among)
    cells_of = partial(
        order_files.cells, caller=caller, say=order_files.as_codes, sentence=partial(order_files.english, caller=caller)
    )
    send = order_files.csv_file if format == "csv" else order_files.xlsx_file
    return await send(pages, list(order_files.columns_for(caller)), cells_of)
