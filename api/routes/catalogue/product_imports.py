"""Products as CSV: exported, and imported with a preview."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.datastructures import UploadFile

from api.dependencies import Caller, idempotency_key, json_response, require, require_staff, services_of
from api.http.openapi import CONTENT_DISPOSITION, Answer, operation
from api.http.responses import response_of
from api.presenters import catalogue_files
from api.routes.catalogue.products import Sought
from api.schemas.product_imports import ProductImport, ProductImportRows
from api.services.catalogue import product_entries, product_imports
from api.services.catalogue.product_imports import UploadedFile
from domain.access import Role
from domain.errors import RuleBroken
from domain.product_imports import RowOutcome
from infra.spreadsheets import CSV

router = APIRouter(prefix="/v1", tags=["catalogue"])
_UPLOAD = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            }
        },
    }
}


@router.get(
    "/product-export",
    **operation("export_products", Answer(200, headers=[CONTENT_DISPOSITION], media=[CSV.partition(";")[0]])),
)
async def export_products(request: Request, caller: Caller, q: Sought = "", active: bool | None = None) -> Response:
    """The products that `GET /v1/products` lists, as CSV, in the form that an import takes; for the staff."""
    require_staff(caller)
    services = services_of(request)
    columns = catalogue_files.product_columns(await product_entries.languages(services))
    pages = product_entries.every_page(services, q, active)
    return catalogue_files.csv_of("products", columns, pages, catalogue_files.product_cells(columns))


@router.post(
    "/product-imports", **operation("preview_product_import", Answer(201, ProductImport), with_key=True, more=_UPLOAD)
)
async def preview_product_import(request: Request, caller: Caller) -> Response:
    """Upload a CSV file of products (UTF-8, UTF-16 or GB18030; at most 20,000 rows) and get a preview: what each row
    would create or change, and which are refused. Nothing changes until it is applied."""
    require(caller, Role.OPERATIONS)
    key = idempotency_key(request)
    file = (await request.form()).get("file")
    if not isinstance(file, UploadFile):
        raise RuleBroken("import_empty")
    uploaded = UploadedFile(file.filename or "", file.file)
    return response_of(await product_imports.preview(services_of(request), caller, key, uploaded))


@router.get("/product-imports/{import_id}", **operation("get_product_import", Answer(200, ProductImport)))
async def get_product_import(import_id: str, request: Request, caller: Caller) -> Response:
    """An import with its rows by outcome."""
    require(caller, Role.OPERATIONS)
    return json_response(await product_imports.found(services_of(request), import_id))


@router.get(
    "/product-imports/{import_id}/rows", **operation("list_product_import_rows", Answer(200, ProductImportRows))
)
async def list_product_import_rows(
    import_id: str,
    request: Request,
    caller: Caller,
    outcome: RowOutcome | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: str | None = None,
) -> Response:
    """What each row of the file would do, or did."""
    require(caller, Role.OPERATIONS)
    items, following = await product_imports.rows(services_of(request), import_id, outcome, limit, cursor)
    return json_response({"items": _rows(items), "next_cursor": following})


@router.post(
    "/product-imports/{import_id}/apply",
    **operation("apply_product_import", Answer(202, ProductImport), with_key=True),
)
async def apply_product_import(import_id: str, request: Request, caller: Caller) -> Response:
    """Apply the rows that create or change something, in turn until the last one, also after an interruption.
    A product that somebody else changed after the preview stays as it is, and its row is `failed`."""
    require(caller, Role.OPERATIONS)
    key = idempotency_key(request)
    return response_of(await product_imports.apply(services_of(request), caller, key, import_id))


def _rows(items: Sequence[Any]) -> list[dict[str, Any]]:
    return [
        {"line": row.line, "sku": row.sku, "outcome": row.outcome, "changes": row.changes, "errors": row.errors}
        for row in items
    ]
