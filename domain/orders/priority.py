"""Priority: urgent and VIP orders first, without starving the rest."""

from enum import StrEnum


class Priority(StrEnum):
    """The priority of an order."""

    STANDARD = "standard"
    VIP = "vip"
    URGENT = "urgent"


# As the database stores them; a higher one goes first.
RANKS: dict[Priority, int] = {Priority.STANDARD: 0, Priority.VIP: 1, Priority.URGENT: 2}

# Orders that wait for the same thing are sorted by the time of their request less this head start. So an urgent order
# overtakes those of the last ten minutes, and never one that waits longer: no order starves.
HEAD_START_S: dict[Priority, int] = {Priority.STANDARD: 0, Priority.VIP: 120, Priority.URGENT: 600}

# In the queue of orders to be started the head start is a day: urgent ones come first after an outage, too.
START_HEAD_S: dict[Priority, int] = {**HEAD_START_S, Priority.URGENT: 86_400}

# The share of each priority in Temporal's queues: tasks for each task of a standard order.
SHARES: dict[Priority, float] = {Priority.STANDARD: 1.0, Priority.VIP: 4.0, Priority.URGENT: 8.0}


def named(rank: int) -> Priority:
    """The priority that the database stores as `rank`."""
    return next(priority for priority, stored in RANKS.items() if stored == rank)
