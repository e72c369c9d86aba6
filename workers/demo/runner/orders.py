"""A basket as an order, and what is left of it when the API refuses it."""

from collections.abc import Callable, Mapping

from workers.demo.api_client.models import Line as NewLine
from workers.demo.api_client.models import Payment, PlaceOrder
from workers.demo.api_client.types import UNSET
from workers.demo.baskets.catalogue import CURRENCY, Article
from workers.demo.baskets.customers import customer_of
from workers.demo.baskets.dataset import Basket, Line
from workers.demo.behaviour.scenarios import Scenario

Lines = tuple[Line, ...]
CHANNEL = "demo"
METHOD = "sandbox"

TOKENS: Mapping[Scenario, str] = {
    Scenario.PLAIN: "tok_ok",
    Scenario.OUT_OF_STOCK: "tok_ok",
    Scenario.PARTLY_REFUNDED: "tok_ok",
    Scenario.RETURNED: "tok_ok",
    Scenario.RETURNED_DAMAGED: "tok_ok",
    Scenario.EXCHANGED: "tok_ok",
    Scenario.SPLIT: "tok_ok",
    Scenario.BACKORDERED: "tok_ok",
    Scenario.PICKED_SHORT: "tok_ok",
    Scenario.DECLINED: "tok_decline",
    Scenario.PAID_AGAIN: "tok_decline",
    Scenario.PENDING: "tok_pending",
    Scenario.REVIEWED: "tok_review",
}
"""The payments that orders are placed with; the others are paid later, when a fault is set up for their number."""


def body(basket: Basket, lines: Lines, scenario: Scenario, run: str) -> PlaceOrder:
    """As the API takes it; the catalogue decides the prices."""
    customer, ship_to = customer_of(basket.household)
    token, on_terms = TOKENS.get(scenario), scenario is Scenario.ON_TERMS
    return PlaceOrder(
        channel=CHANNEL,
        external_ref=f"cj-{basket.basket_id}-{run}",
        currency=CURRENCY,
        customer=customer,
        ship_to=ship_to,
        lines=[NewLine(sku=line.sku, quantity=line.quantity) for line in lines],
        payment=payment(token) if token else UNSET,
        backorder=scenario is Scenario.BACKORDERED,
        type_="b2b" if on_terms else UNSET,
        purchase_order=f"PO-{basket.basket_id}-{run}" if on_terms else UNSET,
    )


def payment(token: str) -> Payment:
    return Payment(method=METHOD, token=token)


def corrected(code: str, lines: Lines, articles: Mapping[str, Article], max_lines: int) -> Lines | None:
    """The lines without those that were refused with this code; None where that leaves out nothing."""
    if code == "too_many_lines":
        left = lines[:max_lines]
    elif code in _ACCEPTABLE:
        acceptable = _ACCEPTABLE[code]
        left = tuple(line for line in lines if acceptable(line, articles))
    else:
        return None
    return left if len(left) < len(lines) else None


def _is_sold(line: Line, articles: Mapping[str, Article]) -> bool:
    article = articles.get(line.sku)
    return article is None or article.active  # an unknown product is refused with another code


_ACCEPTABLE: Mapping[str, Callable[[Line, Mapping[str, Article]], bool]] = {
    "invalid_quantity": lambda line, _: line.quantity > 0,
    "unknown_sku": lambda line, articles: line.sku in articles,
    "product_inactive": _is_sold,
}
