"""Field types that answers share."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, WithJsonSchema

# One form of time in every answer: RFC 3339 in UTC with a Z; fractions of a second, at most six digits, where it has
# some.
TIME_PATTERN = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$"
Time = Annotated[
    datetime,
    WithJsonSchema({
        "type": "string",
        "format": "date-time",
        "pattern": TIME_PATTERN,
        "description": "RFC 3339 in UTC, with Z.",
        "examples": ["2026-05-01T09:30:00.123456Z"],
    }),
]  # fmt: skip
Minor = Annotated[int, Field(description="In minor units of the currency.")]
CurrencyCode = Annotated[str, Field(description="ISO 4217.", examples=["EUR"])]
NextCursor = Annotated[str | None, Field(description="For the next page; null on the last one.")]
