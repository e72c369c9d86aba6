"""Which amounts the payment providers can move. The rules are the adapters'; here they are asked by name."""

from collections.abc import Callable

from domain.errors import RuleBroken
from domain.money import Money, written
from infra.provider_rules import stripe_amounts

_STEPS: dict[str, Callable[[str], int]] = {"stripe": stripe_amounts.step_minor}


def step_minor(provider: str, currency: str) -> int:
    """The provider's amounts are multiples of so many minor units; 0 where it does not take the currency."""
    rule = _STEPS.get(provider)
    return rule(currency) if rule is not None else 1


def require_payable(provider: str, amount_minor: int, currency: str) -> None:
    """Refuse what the provider could never take. Raises RuleBroken `currency_not_taken`, `amount_not_payable`."""
    step = step_minor(provider, currency)
    if not step:
        raise RuleBroken("currency_not_taken", f"{provider} takes no {currency}: pay in another way")
    if amount_minor % step:
        raise not_payable(amount_minor, currency, step)


def not_payable(amount_minor: int, currency: str, step: int, most_minor: int | None = None) -> RuleBroken:
    """The refusal of an amount that is no multiple of `step`, with the nearest ones that are, up to `most_minor`."""
    below = amount_minor - amount_minor % step
    near = [each for each in (below, below + step) if each > 0 and (most_minor is None or each <= most_minor)]
    possible = " or ".join(str(Money(each, currency)) for each in near) or "none so small"
    why = f"the provider moves {currency} in steps of {written(step, currency)}"
    return RuleBroken("amount_not_payable", f"{Money(amount_minor, currency)} cannot be moved, {why}: name {possible}")
