"""Availability: what could be sent to a place, from where, and when it arrives."""

from dataclasses import dataclass
from datetime import UTC, datetime

from api.dependencies import Services
from api.services.catalogue.product_entries import require_sku
from domain.errors import NotFound
from domain.sourcing.deciding import decide
from domain.sourcing.incoming import promised_later, unclaimed
from domain.sourcing.places import Destination
from domain.sourcing.promise import Promise, promised
from domain.sourcing.request import Line, SourcingRequest
from infra.db.catalogue import products
from infra.db.customers import groups
from infra.db.sourcing import network, profiles
from infra.db.stock import backorders
from infra.geography import coordinates_of


@dataclass(frozen=True, slots=True)
class Question:
    """How many units of a product are wanted where; `channel` is the caller's, and so is `customer_id`
    where a customer asks."""

    sku: str
    quantity: int
    country: str
    province: str
    city: str
    channel: str = ""
    customer_id: str = ""


@dataclass(frozen=True, slots=True)
class Offer:
    """The promise; with `backorder` a part of it is on its way to a warehouse, so the order has to wait for stock."""

    promise: Promise
    backorder: bool = False


async def availability(services: Services, asked: Question) -> Offer:
    """Decided as an order would be; where stock is short, with what is on its way and nobody waits for yet. Raises
    NotFound `product_not_found`."""
    now = datetime.now(UTC)
    async with services.database.begin() as conn:
        product = await products.product(conn, require_sku(asked.sku))
        if product is None:
            raise NotFound("product_not_found")
        profile = await profiles.active(conn)
        loads = profile.judges_by_load
        known = await network.of_skus(conn, [asked.sku], now, channel=asked.channel, with_loads=loads)
        arrivals = await backorders.expected_units(conn, [asked.sku])
        group = await groups.group_of(conn, asked.customer_id) if profile.version else None
        waiting = await backorders.waiting_units(conn, [asked.sku]) if arrivals else {}
    if not product.active:
        return Offer(Promise(False, None, None, ()))
    line = Line(1, asked.sku, asked.quantity, product.weight_g, product.category)
    request = SourcingRequest((line,), known, destination_of(asked.country, asked.province, asked.city),
                              channel=asked.channel, customer_group=group or "")  # fmt: skip
    offer = promised(request, decide(request, profile), profile, now)
    later = None if offer.available else promised_later(request, unclaimed(arrivals, waiting), profile, now)
    return Offer(later, backorder=True) if later is not None else Offer(offer)


def destination_of(country: str, province: str, city: str) -> Destination:
    """The place with its coordinates."""
    return Destination(country, province, city, coordinates_of(country, province, city))
