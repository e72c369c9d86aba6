"""Products."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from starlette.datastructures import UploadFile

from api.dependencies import Caller, idempotency_key, json_response, require, require_staff, services_of
from api.http.openapi import ETAG, IF_MATCH, Answer, operation
from api.http.request_body import read
from api.http.responses import response_of
from api.schemas.catalogue import Product, ProductPage
from api.schemas.fields import SoughtText
from api.schemas.stock import ChangeProduct, NewProduct
from api.services.catalogue import product_entries
from api.services.catalogue.product_entries import ProductEdit
from api.services.files import file_store
from api.services.orders.order_changes import versions_in
from domain.access import Principal, Role
from domain.errors import RuleBroken

router = APIRouter(prefix="/v1/products", tags=["catalogue"])
Sought = Annotated[SoughtText, Query(description="A part of a SKU or of a name in any language, or a barcode.")]
_UPLOAD = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["picture"],
                    "properties": {"picture": {"type": "string", "format": "binary"}},
                }
            }
        },
    }
}


@router.get("", **operation("list_products", Answer(200, ProductPage)))
async def list_products(
    request: Request,
    caller: Caller,
    q: Sought = "",
    active: bool | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: str | None = None,
) -> Response:
    """A page of products by SKU, with the units that can be sold; for the staff."""
    require_staff(caller)
    items, following = await product_entries.page(services_of(request), q, active, limit, cursor)
    return json_response({"items": items, "next_cursor": following})


@router.post("", **operation("add_product", Answer(201, Product), body=NewProduct))
async def add_product(request: Request, caller: Caller) -> Response:
    """Add a product to the catalogue."""
    services = services_of(request)
    require(caller, Role.OPERATIONS)
    key = idempotency_key(request)
    parsed = await read(request, NewProduct)
    return response_of(await product_entries.add(services, caller, key, parsed.digest, parsed.model))


@router.get("/{sku}", **operation("get_product", Answer(200, Product, headers=[ETAG])))
async def get_product(sku: str, request: Request, caller: Caller) -> Response:
    """A product with its price in minor units; for the staff. The ETag changes with every change."""
    require_staff(caller)
    found = await product_entries.product(services_of(request), sku)
    return json_response(found, headers={"ETag": f'"{found.version}"'})


@router.patch(
    "/{sku}",
    **operation("change_product", Answer(200, Product, headers=[ETAG]), body=ChangeProduct, parameters=[IF_MATCH]),
)
async def change_product(sku: str, request: Request, caller: Caller) -> Response:
    """Change a product. Orders that were placed keep their names and prices, and go on when it becomes inactive."""
    require(caller, Role.OPERATIONS)
    key, versions = idempotency_key(request), versions_in(request.headers.get("if-match"))
    parsed = await read(request, ChangeProduct)
    edit = ProductEdit(services_of(request), caller, key, parsed.digest, sku, versions)
    return response_of(await product_entries.change(edit, parsed.model))


@router.post(
    "/{sku}/picture",
    **operation(
        "set_product_picture", Answer(200, Product, headers=[ETAG]), with_key=True, parameters=[IF_MATCH], more=_UPLOAD
    ),
)
async def set_product_picture(sku: str, request: Request, caller: Caller) -> Response:
    """Upload the picture of a product: PNG, JPEG or WebP, at most 8 MB. It is encoded again as WebP, at most 1,600
    pixels a side, without metadata."""
    require(caller, Role.OPERATIONS)
    file = (await request.form()).get("picture")
    if not isinstance(file, UploadFile):
        raise RuleBroken("picture_invalid")
    content = await file.read()
    checked = await file_store.checked_picture(content)
    return response_of(await product_entries.set_picture(_edit(sku, request, caller, content), checked))


def _edit(sku: str, request: Request, caller: Principal, content: bytes) -> ProductEdit:
    key, versions = idempotency_key(request), versions_in(request.headers.get("if-match"))
    digest = file_store.digest_of(f"{request.method} {request.url.path}", content)
    return ProductEdit(services_of(request), caller, key, digest, sku, versions)
