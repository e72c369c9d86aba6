"""Types of orders that say how their lines are supplied."""

from collections.abc import Iterable

from domain.errors import RuleBroken
from domain.products import ProductKind

_ALL_OF = {"virtual": ProductKind.VIRTUAL, "made_to_order": ProductKind.MADE_TO_ORDER}


def require_type(order_type: str, kinds: Iterable[ProductKind]) -> None:
    """An order of a type that says how it is supplied has no other lines. Raises RuleBroken `type_mismatch`."""
    wanted = _ALL_OF.get(order_type)
    if wanted is not None and any(kind is not wanted for kind in kinds):
        raise RuleBroken("type_mismatch")
