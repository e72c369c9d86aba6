"""Products: added, changed, found."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace

from api import pagination
from api.dependencies import Services, actor
from api.errors import Problem
from api.idempotency import request_of, run_in_transaction
from api.replies import Reply
from api.schemas.stock import ChangeProduct, NewProduct
from api.services.files import file_store
from api.services.orders.order_changes import ANY
from domain.access import Principal
from domain.errors import NotFound
from domain.products import DeliveredBy, ProductKind, require_supply
from domain.text import is_line
from infra.db.catalogue import products
from infra.db.catalogue.products import CatalogueProduct, ProductFilters
from infra.db.engine import Connection
from infra.pictures.pictures import Picture

ListedProduct = products.ListedProduct
_MAX_SKU = 64
_EXPORTED = 500


@dataclass(frozen=True, slots=True)
class ProductEdit:
    """Who changes which product, under which idempotency key, with the digest of the body; `versions` are those in
    If-Match."""

    services: Services
    caller: Principal
    key: str
    digest: bytes
    sku: str
    versions: frozenset[str]


async def add(services: Services, caller: Principal, key: str, digest: bytes, new: NewProduct) -> Reply:
    """Raises Conflict `product_exists`, `barcode_exists`; RuleBroken as `require_supply`."""
    require_supply(new.kind, new.lead_time_days, new.delivered_by, new.confirmed_after_days)
    product = products.NewProduct(**dict(new))

    async def work(conn: Connection) -> CatalogueProduct:
        return await products.add_product(conn, product)

    return await run_in_transaction(services, request_of(caller, key, digest), 201, work)


async def change(edit: ProductEdit, changed: ChangeProduct) -> Reply:
    """What the body names. Orders that were placed keep their price and name. Raises Problem `nothing_to_change`,
    `product_changed` (412); NotFound `product_not_found`; Conflict `barcode_exists`, `product_kind_in_use`; RuleBroken
    as `require_supply`."""
    if not changed.model_fields_set:
        raise Problem("nothing_to_change", "name at least one field that is to change")

    async def named(_: Connection, current: CatalogueProduct) -> CatalogueProduct:
        after = replace(current, **{name: getattr(changed, name) for name in changed.model_fields_set})
        kind, delivered_by = ProductKind(after.kind), DeliveredBy(after.delivered_by)
        require_supply(kind, after.lead_time_days, delivered_by, after.confirmed_after_days)
        return after

    return await _changed(edit, named)


async def set_picture(edit: ProductEdit, picture: Picture) -> Reply:
    """Show this picture from now on. Raises as `change` does."""

    async def stored(conn: Connection, current: CatalogueProduct) -> CatalogueProduct:
        return replace(current, picture_id=await file_store.keep_public(conn, picture, actor(edit.caller)))

    return await _changed(edit, stored)


async def _changed(
    edit: ProductEdit, changed: Callable[[Connection, CatalogueProduct], Awaitable[CatalogueProduct]]
) -> Reply:
    """`changed` makes the new product of the current one within the transaction."""

    async def work(conn: Connection) -> CatalogueProduct:
        current = await products.product(conn, require_sku(edit.sku), lock=True)
        if current is None:
            raise NotFound("product_not_found")
        if ANY not in edit.versions and str(current.version) not in edit.versions:
            raise Problem("product_changed")
        return await products.change(conn, await changed(conn, current))

    answer = await run_in_transaction(edit.services, request_of(edit.caller, edit.key, edit.digest), 200, work)
    return answer if answer.replayed else answer.at(answer.content.version)


async def product(services: Services, sku: str) -> CatalogueProduct:
    """Raises NotFound `product_not_found`."""
    async with services.database.begin() as conn:
        found = await products.product(conn, require_sku(sku))
    if found is None:
        raise NotFound("product_not_found")
    return found


async def page(
    services: Services, q: str, active: bool | None, limit: int, cursor: str | None
) -> tuple[list[ListedProduct], str | None]:
    """A page of products by SKU, and the cursor of the next one. Raises Problem `invalid_cursor`."""
    after = str(pagination.decoded(cursor, str)[0]) if cursor else ""
    async with services.database.begin() as conn:
        found = await products.page(conn, ProductFilters(q, active), after, limit + 1)
    more = len(found) > limit
    return found[:limit], pagination.encoded([found[limit - 1].sku]) if more else None


async def every_page(services: Services, q: str, active: bool | None) -> AsyncIterator[list[ListedProduct]]:
    """All products of a list, page by page."""
    cursor: str | None = None
    while True:
        found, cursor = await page(services, q, active, _EXPORTED, cursor)
        yield found
        if cursor is None:
            return


async def languages(services: Services) -> list[str]:
    """The languages in which some product has a name."""
    async with services.database.begin() as conn:
        return await products.languages(conn)


def require_sku(typed: str) -> str:
    """Raises NotFound `product_not_found` for what cannot be a SKU."""
    if len(typed) > _MAX_SKU or not is_line(typed):
        raise NotFound("product_not_found")
    return typed
