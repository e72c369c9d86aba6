"""How Stripe writes amounts, and which it takes (docs.stripe.com/currencies).

ISK and UGX have no decimals but are sent as hundredths; MGA has two and is sent without. The last of three decimals is
always 0. What has four decimals is not taken.
"""

from domain.currencies import exponent
from domain.gateways import ProviderRefused

_AS_HUNDREDTHS = frozenset({"ISK", "UGX"})
_WITHOUT_DECIMALS = frozenset({"MGA"})


def step_minor(currency: str) -> int:
    """Amounts are multiples of so many of our minor units; 0 where the currency is not taken."""
    if currency in _WITHOUT_DECIMALS:
        return 100
    return {3: 10, 4: 0}.get(exponent(currency), 1)


def to_stripe(amount_minor: int, currency: str) -> int:
    """Stripe's number for an amount. Raises ProviderRefused `currency_not_taken`, `amount_not_payable`."""
    step = step_minor(currency)
    if not step:
        raise ProviderRefused("currency_not_taken", "stripe")
    if amount_minor % step:
        raise ProviderRefused("amount_not_payable", "stripe")
    if currency in _AS_HUNDREDTHS:
        return amount_minor * 100
    return amount_minor // 100 if currency in _WITHOUT_DECIMALS else amount_minor


def from_stripe(amount: int, currency: str) -> int:
    """Our minor units of Stripe's number; `currency` in whichever case."""
    code = currency.upper()
    if code in _AS_HUNDREDTHS:
        return amount // 100
    return amount * 100 if code in _WITHOUT_DECIMALS else amount
