"""What a page shows of the products on lines of orders: their picture, and their name in the reader's language."""

from collections.abc import Iterable
from dataclasses import dataclass

from api.dependencies import Services
from infra.db.catalogue import products


@dataclass(frozen=True, slots=True)
class LineProduct:
    """`name` is None where the catalogue has none in that language: the line has its own. `picture` is the address of a
    small picture, None where the product has none."""

    name: str | None
    picture: str | None


NOTHING = LineProduct(None, None)


async def on_lines(services: Services, skus: Iterable[str], language: str) -> dict[str, LineProduct]:
    """By SKU, for each of these; a SKU that is no product any more has nothing to show."""
    wanted = sorted(set(skus))
    async with services.database.begin() as conn:
        found = await products.shown(conn, wanted)
    return dict.fromkeys(wanted, NOTHING) | {
        sku: LineProduct(names.get(language), picture_address(picture_id)) for sku, names, picture_id in found
    }


def picture_address(picture_id: str | None, size: str = "small") -> str | None:
    """Where a browser finds the picture."""
    return f"/v1/pictures/{picture_id}?size={size}" if picture_id else None
