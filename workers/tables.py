"""Tables for people, in which nothing is cut off: an order number must be whole to be copied."""

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

_UNBOUNDED = 100_000


def print_whole(console: Console, table: Table) -> None:
    """Print it as wide as its content; where the terminal is narrower, the terminal wraps the lines."""
    for column in table.columns:
        column.no_wrap = True
    needed = Measurement.get(console, console.options.update(width=_UNBOUNDED), table).maximum
    before = console.width
    console.width = max(before, needed)  # print() takes a width, but never more than the console's
    try:
        console.print(table, crop=False)
    finally:
        console.width = before
