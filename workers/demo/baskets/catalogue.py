"""The products of the extract, with the price that each was sold at most often."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from workers.demo.api_client.models import NewProduct
from workers.demo.baskets.dataset import rows, sku_of

PRODUCTS = "products.csv.gz"
CURRENCY = "USD"


@dataclass(frozen=True, slots=True)
class Article:
    """A product; its price is in US cents."""

    sku: str
    name: str
    price_minor: int
    active: bool

    def body(self) -> NewProduct:
        """As the API takes it."""
        return NewProduct(
            sku=self.sku, name=self.name, price_minor=self.price_minor, currency=CURRENCY, active=self.active
        )


def load(folder: Path, skus: Collection[str]) -> dict[str, Article]:
    """{sku: article} of those `skus` that are in the product list of the extract; some that were sold are not."""
    articles = (
        Article(sku_of(int(product_id)), name, int(price), active == "1")
        for product_id, name, price, active in rows(folder / PRODUCTS)
    )
    return {article.sku: article for article in articles if article.sku in skus}
