"""What an order costs: one rule for placing it and for showing it before it is placed."""

from collections.abc import Sequence

from domain.errors import amounts_in
from domain.pricing.allocation import Priced, PricingTerms, priced


def charged(
    costs_minor: Sequence[int],
    terms: PricingTerms,
    currency: str,
    discount_minor: int = 0,
    shipping_minor: int | None = None,
) -> Priced | None:
    """What lines that cost so much carry beside them; None where the order costs just what its lines cost.

    Raises RuleBroken `discount_too_large`, `total_out_of_range`.
    """
    if not (discount_minor or shipping_minor) and terms == PricingTerms():
        return None
    charges = terms.charges(sum(costs_minor), discount_minor, shipping_minor)
    with amounts_in(currency):
        return priced(costs_minor, charges)
