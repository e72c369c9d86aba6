"""How a request names lines of an order: by `line_no`, by `sku`, or by both."""

from collections.abc import Sequence
from typing import Any, Self

from pydantic import ConfigDict, model_validator
from pydantic_core import PydanticCustomError

from api.schemas.fields import Body, LineNo, Quantity, Sku
from domain.line_references import Named

RULE = (
    "Name the line by `line_no`. A `sku` alone means its lines in the order of their numbers, as far as each has "
    "pieces left for this act; beside `line_no` it has to be the line's (422 `line_sku_mismatch`)."
)


def _describe(schema: dict[str, Any]) -> None:
    """One member more than the required ones is `line_no` or `sku`. An `anyOf` of two `required` says the same, but
    generators of clients make a type without members of it."""
    schema["description"] = f"Pieces of a line. {RULE}"
    schema["minProperties"] = len(schema["required"]) + 1


class PiecesOfSku(Body):
    """Pieces of a SKU."""

    sku: Sku
    quantity: Quantity


class OfLine(Body):
    """Pieces of a line. Classes that extend it add required fields only."""

    model_config = ConfigDict(json_schema_extra=_describe)

    line_no: LineNo | None = None
    sku: Sku | None = None
    quantity: Quantity

    @model_validator(mode="after")
    def _is_named(self) -> Self:
        if self.line_no is None and self.sku is None:
            raise PydanticCustomError("line_not_named", "must name line_no or sku")
        return self


def split(lines: Sequence[OfLine]) -> tuple[dict[str, int], tuple[Named, ...]]:
    """({sku: units} of those that name a SKU alone, those that name a line)."""
    units: dict[str, int] = {}
    for line in lines:
        if line.line_no is None and line.sku is not None:
            units[line.sku] = units.get(line.sku, 0) + line.quantity
    return units, tuple(Named(line.line_no, line.quantity, line.sku) for line in lines if line.line_no is not None)
