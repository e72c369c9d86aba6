"""Lines that are typed or pasted from a table: a SKU and a number in each, further cells after them."""

import re

_CELLS = re.compile(r"[\t,;，；]")


def cells_of(typed: str) -> list[list[str]]:
    """The cells of each line that is not empty. Cells are cut at tabs, commas or semicolons; a line without any at its
    spaces."""
    rows = [row.strip() for row in typed.splitlines() if row.strip()]
    return [[cell.strip() for cell in _CELLS.split(row)] if _CELLS.search(row) else row.split() for row in rows]


def number(cell: str) -> int | str:
    """The whole number of a cell; what is none is left for the model to refuse."""
    return int(cell) if cell.isascii() and cell.isdigit() and len(cell) <= 12 else cell


def units(typed: str) -> list[dict[str, object]]:
    """The lines as `{sku, quantity}`; a line of one cell has no quantity and is refused by the model."""
    return [
        {"sku": cells[0], **({"quantity": number(cells[1])} if len(cells) == 2 else {"cells": len(cells)})}
        for cells in cells_of(typed)
    ]


def counted(typed: str) -> list[dict[str, object]]:
    """The lines as `{sku, counted, location?}`."""
    return [_counted(cells) for cells in cells_of(typed)]


def _counted(cells: list[str]) -> dict[str, object]:
    if len(cells) > 3:
        return {"sku": cells[0], "cells": len(cells)}
    units = {"counted": number(cells[1])} if len(cells) > 1 else {}
    location = {"location": cells[2]} if len(cells) == 3 and cells[2] else {}
    return {"sku": cells[0], **units, **location}
