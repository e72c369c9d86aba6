"""Orders as files: the list, and what is printed for chosen ones."""

from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query, Request, Response

from api.dependencies import Caller, require_staff, services_of
from api.http.openapi import CONTENT_DISPOSITION, Answer, operation
from api.presenters import document_views, order_files, order_prints
from api.routes.orders.filters import Filters
from api.schemas.fields import LINE
from api.services.orders import order_export, order_printing
from api.services.orders.order_printing import PrintKind
from api.services.orders.order_queries import Sort
from domain.orders.bulk_actions import MAX_ORDERS
from infra.spreadsheets import CSV, XLSX

router = APIRouter(prefix="/v1/orders", tags=["orders"])
OrderNo = Annotated[str, Query(max_length=40, pattern=LINE)]
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


@router.get(
    "/print",
    **operation("print_orders", Answer(200, headers=[CONTENT_DISPOSITION], media=[order_prints.PDF, order_prints.ZIP])),
)
async def prints(
    request: Request,
    caller: Caller,
    kind: PrintKind = PrintKind.ALL,
    order_no: Annotated[list[OrderNo], Query(max_length=MAX_ORDERS)] = [],  # noqa: B006
    lang: Literal["zh", "en"] | None = None,
    accept_language: Annotated[str, Header(max_length=1000)] = "",
) -> Response:
    """The invoices or packing slips of the named orders as one PDF, their carrier labels or all of it as a ZIP archive;
    of at most 100 orders, labels of 500. Invoices are for support and finance, the others for support and warehouse."""
    require_staff(caller)
    printed = await order_printing.read(services_of(request), caller, kind, order_no)
    return await order_prints.file_of(printed, document_views.language(lang, accept_language))
