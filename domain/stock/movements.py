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
    RETURN_RESTOCK = "return_restock"
    QUARANTINE_IN = "quarantine_in"
    QUARANTINE_RELEASE = "quarantine_release"
    SCRAP = "scrap"


# Sign of (on_hand, reserved, quarantined) per unit moved; an adjustment may go either way. What is in quarantine is
# outside of on_hand: nobody can buy it.
EFFECTS: dict[MovementKind, tuple[int, int, int]] = {
    MovementKind.RECEIPT: (1, 0, 0),
    MovementKind.ADJUSTMENT: (1, 0, 0),
    MovementKind.RESERVE: (0, 1, 0),
    MovementKind.RELEASE: (0, -1, 0),
    MovementKind.SHIP: (-1, -1, 0),
    MovementKind.TRANSFER_OUT: (-1, 0, 0),
    MovementKind.TRANSFER_IN: (1, 0, 0),
    MovementKind.RETURN_RESTOCK: (1, 0, 0),
    MovementKind.QUARANTINE_IN: (0, 0, 1),
    MovementKind.QUARANTINE_RELEASE: (1, 0, -1),
    MovementKind.SCRAP: (0, 0, -1),
}
# Only for an order: what it holds, and what came back of it.
OF_AN_ORDER = frozenset({MovementKind.RESERVE, MovementKind.RELEASE, MovementKind.SHIP, MovementKind.RETURN_RESTOCK})


def effect(kind: MovementKind, quantity: int) -> tuple[int, int, int]:
    """(on_hand delta, reserved delta, quarantined delta) of moving `quantity` units."""
    on_hand, reserved, quarantined = EFFECTS[kind]
    return on_hand * quantity, reserved * quantity, quarantined * quantity
