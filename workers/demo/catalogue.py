"""The data set's products as the catalogue's: names, and the price that each was sold at most often."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workers.demo.baskets import TRANSACTIONS, sku_of

PRODUCTS = "products.parquet"
CURRENCY = "USD"
MAX_NAME = 200
_NAMES = ("product_type", "product_category", "department")
# Fuel is pumped, not sent: it is in the catalogue, but not on sale here.
_FUEL = "GASOLINE"


@dataclass(frozen=True, slots=True)
class Article:
    """A product; its price is in US cents."""

    sku: str
    name: str
    price_minor: int
    active: bool

    def body(self) -> dict[str, Any]:
        """As POST /v1/products takes it."""
        return {
            "sku": self.sku,
            "name": self.name,
            "price_minor": self.price_minor,
            "currency": CURRENCY,
            "active": self.active,
        }


def load(folder: Path, skus: Collection[str]) -> dict[str, Article]:
    """{sku: article} of those `skus` that the data set's product list knows; some that were sold are not in it."""
    wanted = [int(sku.removeprefix("cj-")) for sku in skus]
    prices = _prices(folder / TRANSACTIONS, wanted)
    articles = (_article(row, prices) for row in _products(folder / PRODUCTS, wanted))
    return {article.sku: article for article in articles}


def _article(row: dict[str, Any], prices: dict[int, int]) -> Article:
    product_id = row["product_id"]
    words = next((row[name] for name in _NAMES if row[name]), "Article")
    name = f"{words}, {row['package_size']}" if row["package_size"] else words
    active = _FUEL not in (row["product_type"] or "")
    return Article(sku_of(product_id), f"{name} ({row['brand']})"[:MAX_NAME], prices.get(product_id, 0), active)


def _products(file: Path, wanted: list[int]) -> Iterator[dict[str, Any]]:
    from pyarrow import parquet

    columns = ["product_id", "brand", "package_size", *_NAMES]
    table = parquet.read_table(file, columns=columns, filters=[("product_id", "in", wanted)])
    for batch in table.to_batches():
        yield from batch.to_pylist()


def _prices(file: Path, wanted: list[int]) -> dict[int, int]:
    """{product: cents per unit, as charged most often}; of two equally frequent ones the lower. Gifts do not count."""
    from pyarrow import compute, parquet

    sold = parquet.read_table(
        file, columns=["product_id", "quantity", "sales_value"], filters=[("product_id", "in", wanted)]
    )
    sold = sold.filter(compute.greater(sold["quantity"], 0))
    cents = compute.round(compute.divide(compute.multiply(sold["sales_value"], 100.0), sold["quantity"]))
    sold = sold.append_column("cents", cents.cast("int64"))
    sold = sold.filter(compute.greater(sold["cents"], 0))
    counted = sold.group_by(["product_id", "cents"]).aggregate([("quantity", "count")])
    best: dict[int, tuple[int, int]] = {}
    for row in counted.to_pylist():
        product_id, rank = row["product_id"], (row["quantity_count"], -row["cents"])
        best[product_id] = max(best.get(product_id, rank), rank)
    return {product_id: -negative for product_id, (_, negative) in best.items()}
