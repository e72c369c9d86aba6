"""Field types that requests share: bounded, strict, visible, without control characters."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from domain.currencies import is_known
from domain.orders.lines import MAX_QUANTITY
from domain.payments.receivables import MOST_DAYS
from domain.products import LANGUAGE_TAG, is_gtin
from domain.text import ID_RULE, is_identifier, is_visible, trimmed
from infra.email.mail_address import MAX_CHARS, mail_address

# One line of text, and text of several lines: no control characters, nor those that turn the direction of what follows
# (U+202A to U+202E, U+2066 to U+2069). A mismatch is reported as `invalid_text`.
LINE = r"^[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]*$"
PROSE = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]*$"
TEXT_PATTERNS = frozenset({LINE, PROSE})

MAX_RECEIPT = 10**9
MAX_PRICE_MINOR = 10**12
MAX_NOTE = 2_000
MAX_REASON = 500


def _visible(text: str) -> str:
    """An optional text may be empty, none may look as if it were."""
    if text and not is_visible(text):
        raise PydanticCustomError("blank_text", "must have at least one visible character")
    return text


def _identifier(text: str) -> str:
    if not is_identifier(text):
        raise PydanticCustomError(
            "invalid_id", f"must be an identifier that a path can carry: {ID_RULE.partition(' has ')[2]}"
        )
    return text


def _active(code: str) -> str:
    if not is_known(code):
        raise PydanticCustomError("unknown_currency", "must be an active currency of ISO 4217, like EUR")
    return code


def _gtin(digits: str) -> str:
    if not is_gtin(digits):
        raise PydanticCustomError(
            "invalid_barcode", "must be an EAN or UPC: 8, 12, 13 or 14 digits, the last one right"
        )
    return digits


def _without_comma(text: str) -> str:
    if "," in text or "，" in text:
        raise ValueError("must not contain a comma")
    return text


def _one_address(text: str) -> str:
    try:
        return mail_address(text)
    except ValueError:
        raise PydanticCustomError("invalid_email", "must be one e-mail address, like name@example.com") from None


def _undirected(typed: object) -> object:
    """Telephones put marks of direction around the numbers that they copy."""
    return typed.translate(_DIRECTION) if isinstance(typed, str) else typed


_DIRECTION = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F])

Visible = AfterValidator(_visible)
Code = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=32, pattern=LINE), Visible]
Sku = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=64, pattern=LINE), Visible]
Identity = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=64, pattern=LINE), Visible]
# What is created under an id that a path must be able to carry: products, customers, warehouses, channels.
InPath = AfterValidator(_identifier)
Reference = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=100, pattern=LINE), Visible]
OptionalReference = Annotated[str, StringConstraints(strict=True, max_length=100, pattern=LINE), Visible]
# What stands on a delivery note, typed or scanned: what surrounds it and cannot be seen makes no other one of it.
NotedReference = Annotated[Reference, AfterValidator(trimmed)]
# The number under which the customer ordered: as it is typed, without what surrounds it and cannot be seen.
PurchaseOrderNumber = Annotated[
    str, StringConstraints(strict=True, min_length=1, max_length=64, pattern=LINE), Visible, AfterValidator(trimmed)
]
TermsDays = Annotated[int, Field(strict=True, ge=1, le=MOST_DAYS)]
Name = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=200, pattern=LINE), Visible]
OptionalText = Annotated[str, StringConstraints(strict=True, max_length=200, pattern=LINE), Visible]
SoughtText = Annotated[str, StringConstraints(strict=True, max_length=100, pattern=LINE)]
# The category of a product, or the group of a customer: what surrounds it and cannot be seen makes no other one of it.
# Lists of them are typed with commas between.
Grouping = Annotated[
    str,
    StringConstraints(strict=True, min_length=1, max_length=60, pattern=LINE),
    Visible,
    AfterValidator(trimmed),
    AfterValidator(_without_comma),
]
Reason = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=MAX_REASON, pattern=PROSE), Visible]
Note = Annotated[str, StringConstraints(strict=True, max_length=MAX_NOTE, pattern=PROSE), Visible]
# Of an order that was placed: its currency may have been withdrawn since.
OrdersCurrency = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Z]{3}$")]
Currency = Annotated[OrdersCurrency, AfterValidator(_active)]
Language = Annotated[str, StringConstraints(strict=True, pattern=LANGUAGE_TAG)]
Barcode = Annotated[str, StringConstraints(strict=True, max_length=14), AfterValidator(_gtin)]
Country = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Z]{2}$")]
Email = Annotated[str, StringConstraints(strict=True, max_length=MAX_CHARS), AfterValidator(_one_address)]
Phone = Annotated[
    str,
    BeforeValidator(_undirected),
    StringConstraints(strict=True, min_length=3, max_length=32, pattern=LINE),
    Visible,
]
OptionalPhone = Annotated[
    str, BeforeValidator(_undirected), StringConstraints(strict=True, max_length=200, pattern=LINE), Visible
]
Quantity = Annotated[int, Field(strict=True, ge=1, le=MAX_QUANTITY)]
# Read by the rules, which say what is wrong with it.
Moment = Annotated[str, StringConstraints(strict=True, max_length=40, pattern=LINE), Visible]
Units = Annotated[int, Field(strict=True, ge=1, le=MAX_RECEIPT)]
PriceMinor = Annotated[int, Field(strict=True, ge=0, le=MAX_PRICE_MINOR)]


LineNo = Annotated[int, Field(strict=True, ge=1, le=MAX_QUANTITY)]


class Body(BaseModel):
    """A request's body: unknown fields are refused, types are not coerced."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
