"""Stock movements: what each kind does to a level. The database's check constraint says the same; a test compares."""

from enum import StrEnum


class MovementKind(StrEnum):
    """Kinds of movement in the ledger."""

    RECEIPT = "receipt"
    ADJUSTMENT = "adjustment"
    RESERVE = "reserve"
    RELEASE = "release"
    SHIP = "ship"
    TRANSFER_OUT = "transfer_out"
    TRANSFER_IN = "transfer_in"


# Sign of (on_hand, reserved) per unit moved; an adjustment may go either way.
EFFECTS: dict[MovementKind, tuple[int, int]] = {
    MovementKind.RECEIPT: (1, 0),
    MovementKind.ADJUSTMENT: (1, 0),
    MovementKind.RESERVE: (0, 1),
    MovementKind.RELEASE: (0, -1),
    MovementKind.SHIP: (-1, -1),
    MovementKind.TRANSFER_OUT: (-1, 0),
    MovementKind.TRANSFER_IN: (1, 0),
}


def effect(kind: MovementKind, quantity: int) -> tuple[int, int]:
    """(on_hand delta, reserved delta) of moving `quantity` units."""
    on_hand, reserved = EFFECTS[kind]
    return on_hand * quantity, reserved * quantity
