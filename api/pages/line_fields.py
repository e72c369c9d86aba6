"""Lines of an order in a form: a field for each, named by SKU where one line has it, by its number where several do."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from api.errors import Problem

MAX_DIGITS = 9


@dataclass(frozen=True, slots=True)
class FormLine:
    """A line as a form shows it; `several`: another line has the same SKU, so its number and price are said, too."""

    field: str
    line_no: int
    sku: str
    name: str
    quantity: int
    unit_price_minor: int
    several: bool


def form_lines(prefix: str, lines: Iterable[Mapping[str, Any]]) -> list[FormLine]:
    """The lines (line_no, sku, name, quantity, unit_price_minor) of which something is there, in their order."""
    open_lines = [line for line in lines if line["quantity"] > 0]
    times = Counter(line["sku"] for line in open_lines)
    return [
        FormLine(
            f"{prefix}_of_line.{line['line_no']}" if times[line["sku"]] > 1 else f"{prefix}.{line['sku']}",
            line["line_no"], line["sku"], line["name"], line["quantity"], line["unit_price_minor"],
            times[line["sku"]] > 1,
        )
        for line in open_lines
    ]  # fmt: skip


def typed_lines(prefix: str, fields: Mapping[str, str]) -> list[tuple[dict[str, Any], str]]:
    """(what names the line in the HTTP call's body, what was typed). Raises Problem `unknown_line`."""
    found: list[tuple[dict[str, Any], str]] = []
    for name, typed in fields.items():
        if name.startswith(f"{prefix}."):
            found.append(({"sku": name.removeprefix(f"{prefix}.")}, typed.strip()))
        elif name.startswith(f"{prefix}_of_line."):
            found.append(({"line_no": _number(name.removeprefix(f"{prefix}_of_line."))}, typed.strip()))
    return found


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > MAX_DIGITS or int(text) == 0:
        raise Problem("unknown_line", "the form names a line that the order does not have")
    return int(text)
