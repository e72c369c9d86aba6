"""A consistency check of the database."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """`sql` gives one row (place, expected, found) for each thing that is wrong; each is a single snapshot.

    `code` stays the same: answers are kept under it, and notices have words for it.
    """

    code: str
    name: str
    sql: str
