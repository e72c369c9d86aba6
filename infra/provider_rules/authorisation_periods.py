"""How long payment providers hold what is only authorised, and what may be authorised anew before that ends."""

from domain.errors import RuleBroken
from domain.text import counted

_DAY_S = 86_400
# Stripe keeps a card's authorisation for seven days; the sandbox and store credit keep theirs without end.
LIFETIMES_S: dict[str, int] = {"stripe": 7 * _DAY_S}
# The token of a payment that the customer made directly at the provider.
NO_TOKEN = "-"  # noqa: S105


def saved_card(token: str) -> tuple[str, str]:
    """(customer, payment method) of `cus_…:pm_…`, a card that Stripe keeps for a customer; else ("", token)."""
    customer, _, method = token.partition(":")
    return (customer, method) if customer.startswith("cus_") and method else ("", token)


def is_renewable(provider: str, token: str) -> bool:
    """True where the token may be authorised again. At Stripe a payment method that is no customer's is used once."""
    if token in ("", NO_TOKEN):
        return False
    return provider != "stripe" or bool(saved_card(token)[0])


def require_outlasts(provider: str, token: str, longest_s: int) -> None:
    """Refuse a guarantee that its provider lets go before it may have to be claimed, and that cannot be authorised anew
    before that. Raises RuleBroken `guarantee_would_expire`."""
    lifetime_s = LIFETIMES_S.get(provider)
    if lifetime_s is not None and longest_s > lifetime_s and not is_renewable(provider, token):
        held, needed = lifetime_s // _DAY_S, -(-longest_s // _DAY_S)
        raise RuleBroken(
            "guarantee_would_expire",
            f"{provider} holds an authorisation for {counted(held, 'day')}, and this return may take {needed}; the "
            "token cannot be used again: ask without advance, or name a saved card or another method",
        )
