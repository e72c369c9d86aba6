"""The columns of the table of orders."""

from collections.abc import Iterable
from enum import StrEnum


class Column(StrEnum):
    """A column, in the order in which the table shows them; the order's number is always there."""

    PLACED = "placed"
    CUSTOMER = "customer"
    ITEMS = "items"
    DESTINATION = "destination"
    CHANNEL = "channel"
    WAREHOUSE = "warehouse"
    TOTAL = "total"
    STATUS = "status"
    PAYMENT = "payment"
    FULFILMENT = "fulfilment"
    PRIORITY = "priority"
    SITUATION = "situation"


DEFAULT = tuple(
    column for column in Column if column not in (Column.CHANNEL, Column.WAREHOUSE, Column.STATUS, Column.PRIORITY)
)


def chosen(names: Iterable[str] | None) -> tuple[Column, ...]:
    """The named columns in their order; names that are none any more are left out. None or nothing: the default."""
    known = set(names or ())
    return tuple(column for column in Column if column in known) or DEFAULT
