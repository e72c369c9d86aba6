"""What may be ordered, and what it costs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from domain.errors import RuleBroken
from domain.money import MAX_MINOR
from domain.problems import TOO_EXPENSIVE
from domain.products import ProductKind

MAX_QUANTITY = 1_000_000


@dataclass(frozen=True, slots=True)
class RequestedLine:
    """One line as asked for; `unit_price_minor` only where the caller may name a price."""

    sku: str
    quantity: int
    unit_price_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Product:
    """What the catalogue says of a SKU; `kind` is a ProductKind."""

    sku: str
    name: str
    price_minor: int
    currency: str
    active: bool
    kind: str = ProductKind.PHYSICAL


@dataclass(frozen=True, slots=True)
class PricedLine:
    """One line as kept: the price is frozen at placement."""

    sku: str
    name: str
    quantity: int
    unit_price_minor: int

    @property
    def total_minor(self) -> int:
        return self.quantity * self.unit_price_minor


def price_lines(
    lines: Sequence[RequestedLine], catalogue: Mapping[str, Product], currency: str, *, may_name_price: bool
) -> list[PricedLine]:
    """Price every line in `currency` minor units.

    Raises RuleBroken: `unknown_sku`, `product_inactive`, `currency_mismatch`, `price_not_accepted`,
    `total_out_of_range`.
    """
    priced = [_price_line(line, catalogue.get(line.sku), currency, may_name_price) for line in lines]
    if sum(line.total_minor for line in priced) > MAX_MINOR:
        raise RuleBroken("total_out_of_range", TOO_EXPENSIVE, most_minor=MAX_MINOR, currency=currency)
    return priced


def _price_line(line: RequestedLine, product: Product | None, currency: str, may_name_price: bool) -> PricedLine:
    if product is None:
        raise RuleBroken(
            "unknown_sku", f"no product has the SKU {line.sku}; leave the line out, or add the product first"
        )
    if not product.active:
        raise RuleBroken("product_inactive", f"{line.sku} is not sold at present; leave the line out")
    if line.unit_price_minor is not None and not may_name_price:
        raise RuleBroken("price_not_accepted", "the catalogue decides the price; leave unit_price_minor out")
    if product.currency != currency:
        raise RuleBroken("currency_mismatch", f"{line.sku} is sold in {product.currency}, the order is in {currency}")
    price = product.price_minor if line.unit_price_minor is None else line.unit_price_minor
    return PricedLine(line.sku, product.name, line.quantity, price)


def wanted_units(lines: Sequence[RequestedLine | PricedLine]) -> dict[str, int]:
    """{sku: units} with several lines of one SKU summed, in order of SKU (the order in which stock is locked)."""
    totals: dict[str, int] = {}
    for line in lines:
        totals[line.sku] = totals.get(line.sku, 0) + line.quantity
    return dict(sorted(totals.items()))
