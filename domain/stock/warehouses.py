"""Where stock is: in a warehouse of our own, or at a supplier who ships it to our customers."""

from enum import StrEnum


class WarehouseKind(StrEnum):
    """A supplier picks, packs and ships itself, with its own carrier."""

    WAREHOUSE = "warehouse"
    SUPPLIER = "supplier"
