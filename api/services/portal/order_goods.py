"""Goods as the customer's pages name them: those of an order, and those that it can be exchanged for."""

from collections.abc import Sequence

from api.dependencies import Services
from infra.db.portal import exchange_products, order_summaries
from infra.db.portal.exchange_products import OfferedProduct
from infra.db.portal.order_summaries import ReturnableLine

MAX_PRODUCTS = exchange_products.MAX_PRODUCTS


async def returnable(services: Services, order_no: str) -> list[ReturnableLine]:
    """Lines of which something can be sent back."""
    async with services.database.begin() as conn:
        return await order_summaries.returnable(conn, order_no)


async def names_for_exchange(services: Services, order_no: str, new: Sequence[str]) -> dict[str, str]:
    """The names of what can be sent back and of the SKUs `new`."""
    async with services.database.begin() as conn:
        rows = await order_summaries.returnable(conn, order_no)
        wanted = await exchange_products.known(conn, order_no, list(new))
    return {**{row["sku"]: row["name"] for row in rows}, **{product.sku: product.name for product in wanted}}


async def names_of_return(
    services: Services, order_no: str, new: Sequence[str]
) -> tuple[dict[int, str], dict[str, str]]:
    """The names of the order's goods by line number, and of the SKUs `new` that come instead."""
    async with services.database.begin() as conn:
        names = await order_summaries.names_of(conn, order_no)
        wanted = await exchange_products.known(conn, order_no, list(new))
    return names, {product.sku: product.name for product in wanted}


async def for_exchange(
    services: Services, order_no: str, search: str, chosen: Sequence[str]
) -> tuple[list[OfferedProduct], list[OfferedProduct]]:
    """Products that fit the search, and the chosen ones."""
    async with services.database.begin() as conn:
        found = await exchange_products.offered(conn, order_no, search)
        return found, await exchange_products.known(conn, order_no, list(chosen))
