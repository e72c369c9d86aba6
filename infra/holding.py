"""How long payment providers hold what is only authorised. The times are the adapters'; here they are asked by name."""

from domain.errors import RuleBroken

_DAY_S = 86_400
# Stripe keeps a card's authorisation for seven days; the sandbox and store credit keep theirs without end.
LIFETIMES_S: dict[str, int] = {"stripe": 7 * _DAY_S}


def require_outlasts(provider: str, longest_s: int) -> None:
    """Refuse a guarantee that may have to be claimed after its provider let it go. Raises RuleBroken
    `guarantee_would_expire`."""
    lifetime_s = LIFETIMES_S.get(provider)
    if lifetime_s is not None and longest_s > lifetime_s:
        held, needed = lifetime_s // _DAY_S, -(-longest_s // _DAY_S)
        raise RuleBroken(
            "guarantee_would_expire",
            f"{provider} holds an authorisation for {held} days, and this return may take {needed}: ask without "
            "advance, or name another method",
        )
