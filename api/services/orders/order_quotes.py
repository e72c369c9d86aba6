"""What an order would cost if it were placed now, by the pricing that placing it uses, and whether it is in stock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from api.dependencies import Services
from domain.errors import RuleBroken
from domain.orders.lines import RequestedLine, wanted_units
from domain.pricing.order_totals import charged
from infra.db.stock import offers
from infra.db.stock.offers import Offer
from infra.settings import Settings


@dataclass(frozen=True, slots=True)
class QuotedLine:
    """A line with its price now; `problem` is the code with which placing it would be refused."""

    line_no: int
    sku: str
    name: str | None
    quantity: int
    unit_price_minor: int | None
    total_minor: int | None
    available: int
    problem: str | None
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class Quote:
    """What the order costs; None where a line has no price. `in_stock`: one warehouse can send all of it."""

    currency: str | None
    lines: list[QuotedLine]
    items_minor: int | None
    discount_minor: int | None
    shipping_minor: int | None
    tax_minor: int | None
    total_minor: int | None
    in_stock: bool


async def quote(services: Services, lines: Sequence[RequestedLine], currency: str) -> Quote:
    """The quote; without a currency that of the first product counts."""
    async with services.database.begin() as conn:
        found = await offers.of(conn, [line.sku for line in lines])
    known = currency or next((found[line.sku].currency for line in lines if line.sku in found), "")
    wanted = wanted_units(lines)
    quoted = [_line(no, line, found.get(line.sku), known, wanted) for no, line in enumerate(lines, start=1)]
    return _summed(services.settings, quoted, known, in_stock=_fits(wanted, found))


def _line(
    line_no: int, line: RequestedLine, offer: Offer | None, currency: str, wanted: Mapping[str, int]
) -> QuotedLine:
    if offer is None:
        return QuotedLine(line_no, line.sku, None, line.quantity, None, None, 0, "unknown_sku")
    problem, price = None, offer.price_minor if offer.currency == currency else None
    if not offer.active:
        problem = "product_inactive"
    elif price is None:
        problem = "currency_mismatch"
    elif wanted[line.sku] > offer.available:
        problem = "stock_short"
    total = None if price is None else price * line.quantity
    return QuotedLine(line_no, line.sku, offer.name, line.quantity, price, total, offer.available, problem, currency)


def _fits(wanted: Mapping[str, int], found: Mapping[str, Offer]) -> bool:
    places = {place for offer in found.values() for place in offer.by_warehouse}
    return any(
        all(sku in found and found[sku].by_warehouse.get(place, 0) >= units for sku, units in wanted.items())
        for place in places
    )


def _summed(settings: Settings, lines: list[QuotedLine], currency: str, *, in_stock: bool) -> Quote:
    costs = [line.total_minor for line in lines if line.total_minor is not None]
    if not lines or len(costs) < len(lines):
        return Quote(currency or None, lines, None, None, None, None, None, in_stock)
    try:
        sums = charged(costs, settings.terms, currency)
    except RuleBroken:
        return Quote(currency, lines, sum(costs), None, None, None, None, in_stock)
    if sums is None:
        return Quote(currency, lines, sum(costs), 0, 0, 0, sum(costs), in_stock)
    parts = (sums.discount_minor, sums.shipping_minor, sums.tax_minor)
    return Quote(currency, lines, sums.items_minor, *parts, sums.total_minor, in_stock)
