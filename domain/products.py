"""What a product of the catalogue may say of itself."""

from enum import StrEnum

from domain.errors import RuleBroken

GTIN_LENGTHS = (8, 12, 13, 14)
# A tag of BCP 47 as far as names of products need it: en, zh, zh-Hant, pt-BR.
LANGUAGE_TAG = r"^[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?$"
MAX_NAMES = 20


class TaxCategory(StrEnum):
    """Which rate of a country a product is taxed with."""

    STANDARD = "standard"
    REDUCED = "reduced"
    ZERO = "zero"
    EXEMPT = "exempt"


class ProductKind(StrEnum):
    """How a product is supplied: from stock, as a code or a service without a parcel, or made once it is ordered."""

    PHYSICAL = "physical"
    VIRTUAL = "virtual"
    MADE_TO_ORDER = "made_to_order"


class DeliveredBy(StrEnum):
    """How a virtual product is delivered: by a code from its pool, or as a service that is confirmed."""

    CODE = "code"
    CONFIRMATION = "confirmation"


def require_supply(
    kind: ProductKind, lead_time_days: int | None, delivered_by: DeliveredBy, confirmed_after_days: int | None
) -> None:
    """What a product says of its supply fits its kind. Raises RuleBroken `lead_time_missing`, `supply_mismatch`."""
    made = kind is ProductKind.MADE_TO_ORDER
    if made and lead_time_days is None:
        raise RuleBroken("lead_time_missing")
    service = kind is ProductKind.VIRTUAL and delivered_by is DeliveredBy.CONFIRMATION
    wrong = delivered_by is DeliveredBy.CONFIRMATION and not service
    if (lead_time_days is not None and not made) or (confirmed_after_days is not None and not service) or wrong:
        raise RuleBroken("supply_mismatch")


def is_gtin(digits: str) -> bool:
    """True for a barcode of EAN or UPC (GTIN-8, 12, 13, 14) whose last digit is its check digit."""
    if len(digits) not in GTIN_LENGTHS or not (digits.isascii() and digits.isdigit()):
        return False
    weighted = (int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(reversed(digits)))
    return sum(weighted) % 10 == 0


def name_in(name: str, names: dict[str, str], language: str) -> str:
    """The name of a product for a reader of this language, else the one that it has anyway."""
    return names.get(language, name)
