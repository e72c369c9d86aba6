"""Shopping baskets: an extract of The Complete Journey (84.51°), read as a stream. See data/README.md."""

import csv
import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path

from domain.text import counted

BUNDLED = Path(__file__).parents[1] / "data"
BUNDLED_BASKETS = 5_000
BASKETS, PEOPLE = "baskets.csv.gz", "people.csv.gz"


class TooFewBaskets(Exception):
    """The folder has fewer baskets than wanted, or none; the message says how to get more."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line as the till recorded it: a quantity may be 0, and fuel is counted in thousandths of a gallon."""

    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Household:
    """A household of the data set, with a made-up name and street."""

    household_id: int
    name: str
    street: str


@dataclass(frozen=True, slots=True)
class Basket:
    """One visit. `index` counts from 0 in the order of the file."""

    index: int
    basket_id: int
    household: Household
    lines: tuple[Line, ...]


def read(folder: Path, count: int) -> Iterator[Basket]:
    """The first `count` baskets; never more than one of them is in memory. Raises TooFewBaskets."""
    households = {row[0]: Household(int(row[0]), row[1], row[2]) for row in rows(folder / PEOPLE)}
    read = 0
    for (basket_id, household_id), lines in islice(groupby(rows(folder / BASKETS), lambda row: row[:2]), count):
        yield Basket(read, int(basket_id), households[household_id], tuple(_line(line) for line in lines))
        read += 1
    if read < count:
        raise TooFewBaskets(
            f"{folder} has {counted(read, 'basket')}, not {count}: ask for fewer with --orders, or make a larger"
            f" extract with python -m workers.demo.baskets.extract --orders {count} --to FOLDER and name it with"
            " --baskets FOLDER"
        )


def rows(file: Path) -> Iterator[list[str]]:
    """The rows of one of the extract's files, without its header. Raises TooFewBaskets when it is not there."""
    try:
        with gzip.open(file, "rt", encoding="utf-8", newline="") as text:
            yield from islice(csv.reader(text), 1, None)
    except FileNotFoundError:
        raise TooFewBaskets(
            f"{file} does not exist: --baskets is a folder that workers.demo.baskets.extract wrote"
        ) from None


def _line(row: list[str]) -> Line:
    return Line(sku_of(int(row[2])), int(row[3]))


def sku_of(product_id: int) -> str:
    """The catalogue's name for a product of the data set."""
    return f"cj-{product_id}"
