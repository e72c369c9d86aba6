"""Field types that requests share: bounded, strict, without control characters."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from domain.orders import MAX_QUANTITY

# One line of text, and text of several lines: no control characters. A mismatch is reported as `invalid_text`.
LINE = r"^[^\x00-\x1f\x7f-\x9f]*$"
PROSE = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$"
EMAIL = r"^[^@\s\x00-\x1f\x7f-\x9f]+@[^@\s\x00-\x1f\x7f-\x9f]+$"
TEXT_PATTERNS = frozenset({LINE, PROSE})

MAX_RECEIPT = 10**9
MAX_PRICE_MINOR = 10**12
MAX_NOTE = 2_000

Code = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=32, pattern=LINE)]
Sku = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=64, pattern=LINE)]
Identity = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=64, pattern=LINE)]
Reference = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=100, pattern=LINE)]
Name = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=200, pattern=LINE)]
OptionalText = Annotated[str, StringConstraints(strict=True, max_length=200, pattern=LINE)]
Reason = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=500, pattern=PROSE)]
Note = Annotated[str, StringConstraints(strict=True, max_length=MAX_NOTE, pattern=PROSE)]
Currency = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Z]{3}$")]
Country = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Z]{2}$")]
Email = Annotated[str, StringConstraints(strict=True, max_length=254, pattern=EMAIL)]
Phone = Annotated[str, StringConstraints(strict=True, min_length=3, max_length=32, pattern=LINE)]
Quantity = Annotated[int, Field(strict=True, ge=1, le=MAX_QUANTITY)]
# Read by the rules, which say what is wrong with it.
Moment = Annotated[str, StringConstraints(strict=True, max_length=40, pattern=LINE)]
Units = Annotated[int, Field(strict=True, ge=1, le=MAX_RECEIPT)]
PriceMinor = Annotated[int, Field(strict=True, ge=0, le=MAX_PRICE_MINOR)]


class Body(BaseModel):
    """A request's body: unknown fields are refused, types are not coerced."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
