"""Products and their levels in lists."""

from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.console.rendering import page
from api.console.session import CurrentStaff
from api.dependencies import require_staff, services_of
from api.presenters import catalogue_files
from api.schemas.fields import SoughtText
from api.services.catalogue import product_entries, warehouse_entries
from api.services.catalogue.line_products import picture_address
from api.services.stock import stock_queries

router = APIRouter(prefix="/console")
_ON_A_PAGE = 50
_ACTIVE = {"yes": True, "no": False}


@router.get("/products")
async def products(
    request: Request, member: CurrentStaff, q: SoughtText = "", active: str = "", cursor: str | None = None
) -> Response:
    """Products by SKU, found by SKU, name or barcode."""
    require_staff(member.principal)
    found, following = await product_entries.page(
        services_of(request), q.strip(), _ACTIVE.get(active), _ON_A_PAGE, cursor or None
    )
    kept = {"q": q, "active": active if active in _ACTIVE else ""}
    context: dict[str, Any] = {"rows": found, "chosen": kept, "picture_of": picture_address}
    return page(
        request,
        "products.html",
        member=member,
        export=_export("products", kept),
        next=_next("products", kept, following),
        **context,
    )


@router.get("/stock")
async def stock(
    request: Request,
    member: CurrentStaff,
    q: SoughtText = "",
    warehouse: SoughtText = "",
    low: str = "",
    cursor: str | None = None,
) -> Response:
    """Levels of all products, or of those of which nothing is left to sell."""
    require_staff(member.principal)
    services = services_of(request)
    places = await warehouse_entries.everything(services)
    kept = {"q": q, "warehouse": warehouse, "low": "1" if low else ""}
    filters = stock_queries.filters(q.strip(), warehouse or None, bool(low))
    found, following = await stock_queries.page(services, filters, _ON_A_PAGE, cursor or None)
    context: dict[str, Any] = {"rows": found, "chosen": kept, "warehouses": places, "picture_of": picture_address}
    return page(
        request,
        "stock.html",
        member=member,
        export=_export("stock", kept),
        next=_next("stock", kept, following),
        **context,
    )


@router.get("/export/products.csv")
async def products_csv(request: Request, member: CurrentStaff, q: SoughtText = "", active: str = "") -> Response:
    """What the list holds, as a file."""
    require_staff(member.principal)
    services = services_of(request)
    columns = catalogue_files.product_columns(await product_entries.languages(services))
    pages = product_entries.every_page(services, q.strip(), _ACTIVE.get(active))
    return catalogue_files.csv_of("products", columns, pages, catalogue_files.product_cells(columns))


@router.get("/export/stock.csv")
async def stock_csv(
    request: Request, member: CurrentStaff, q: SoughtText = "", warehouse: SoughtText = "", low: str = ""
) -> Response:
    """What the list holds, as a file."""
    require_staff(member.principal)
    filters = stock_queries.filters(q.strip(), warehouse or None, bool(low))
    pages = stock_queries.every_page(services_of(request), filters)
    return catalogue_files.csv_of("stock", catalogue_files.STOCK_COLUMNS, pages, catalogue_files.stock_cells)


def _export(name: str, kept: dict[str, str]) -> str:
    filled = {key: value for key, value in kept.items() if value}
    return f"/console/export/{name}.csv" + (f"?{urlencode(filled)}" if filled else "")


def _next(name: str, kept: dict[str, str], cursor: str | None) -> str:
    filled = {key: value for key, value in kept.items() if value}
    return f"/console/{name}?{urlencode(filled | {'cursor': cursor})}" if cursor else ""
