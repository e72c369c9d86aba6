"""Real baskets: 155,848 visits of 2,469 households to a grocer (The Complete Journey, 84.51°), read as a stream."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TOTAL = 155_848
TRANSACTIONS = "transactions.parquet"
BATCH_ROWS = 8192
_COLUMNS = ("household_id", "basket_id", "product_id", "quantity")


@dataclass(frozen=True, slots=True)
class Line:
    """A line as the till recorded it: a quantity may be 0, and fuel is counted in thousandths of a gallon."""

    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Basket:
    """One visit. `index` counts from 0 in the order of the file."""

    index: int
    basket_id: int
    household_id: int
    lines: tuple[Line, ...]


def read(folder: Path, count: int) -> Iterator[Basket]:
    """The first `count` baskets; never more than one batch of rows is in memory."""
    rows = _rows(folder / TRANSACTIONS)
    first = next(rows, None)
    if first is None:
        return
    household, basket_id, lines = first[0], first[1], [_line(first)]
    index = 0
    for row in rows:
        if row[1] != basket_id:
            yield Basket(index, basket_id, household, tuple(lines))
            index += 1
            if index == count:
                return
            household, basket_id, lines = row[0], row[1], []
        lines.append(_line(row))
    yield Basket(index, basket_id, household, tuple(lines))


def sku_of(product_id: int) -> str:
    """The catalogue's name for a product of the data set."""
    return f"cj-{product_id}"


def _line(row: tuple[int, ...]) -> Line:
    return Line(sku_of(row[2]), row[3])


def _rows(file: Path) -> Iterator[tuple[int, ...]]:
    """(household, basket, product, quantity) of every line; the lines of one basket follow each other."""
    from pyarrow.parquet import ParquetFile

    with ParquetFile(file) as parquet:
        for batch in parquet.iter_batches(batch_size=BATCH_ROWS, columns=list(_COLUMNS)):
            columns: list[list[Any]] = [batch.column(name).to_pylist() for name in _COLUMNS]
            yield from zip(*columns, strict=True)
