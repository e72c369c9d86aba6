"""The ways in which a list finds orders: each a query of its own over an index, cut like the list that asks.

A list that is searched is the union of its branches. Each branch gives the first rows of what it finds, so the first
rows of the union are among them, together with every branch that finds them, however many orders each finds in all.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import TextClause, bindparam, column, literal, select, table, text

from domain.json_types import JsonObject
from infra.db.driver_types import Column, Query

Cut = Callable[[Query], Query]
"""Adds filters, position, order and limit of the list to a select of orders."""

ORDERS = table(
    "orders",
    *(
        column(name)
        for name in (
            *("order_no", "status", "channel", "external_ref", "customer_id", "total_minor", "currency"),
            *("created_at", "updated_at", "cancelling", "waiting", "hold", "warehouse", "priority"),
            *("contact_id", "contact_corrected", "country", "province", "city"),
        )
    ),
)
_HIT = (ORDERS.c.order_no, ORDERS.c.created_at, ORDERS.c.status)


@dataclass(frozen=True, slots=True)
class Exactly:
    """These orders."""

    kind: str
    order_nos: Sequence[str]

    def select(self, cut: Cut) -> Query:
        return _walked(self.kind, cut, ORDERS.c.order_no.in_(list(self.order_nos)))


@dataclass(frozen=True, slots=True)
class Numbered:
    """Orders whose number is between these, and which were placed between those times; `many` as in Source: then the
    list is walked, and only there."""

    kind: str
    first: str
    last: str
    since: datetime
    until: datetime
    many: bool

    def select(self, cut: Cut) -> Query:
        between = ORDERS.c.order_no.between(self.first, self.last)
        if self.many:
            return _walked(self.kind, cut, between & ORDERS.c.created_at.between(self.since, self.until))
        few = select(ORDERS.c.order_no).where(between).offset(0).subquery("few")
        return _walked(self.kind, cut, ORDERS.c.order_no.in_(select(few.c.order_no)))


@dataclass(frozen=True, slots=True)
class Source:
    """Orders that belong to the rows `k` of another table.

    `rows` is a FROM clause with the condition that finds them, `belongs` what ties an order to one of them. Where they
    are `many`, the list is walked and each order asked for its row; else each row is asked for its first orders. Both
    are fenced against the planner, who cannot know how many rows a keyed word has.
    """

    kind: str
    rows: str
    belongs: str
    values: JsonObject
    many: bool = False

    def select(self, cut: Cut) -> Query:
        if self.many:
            return _walked(self.kind, cut, self._text(f"EXISTS (SELECT FROM {self.rows} AND {self.belongs} OFFSET 0)"))
        of_row = cut(select(*_HIT).where(text(self.belongs))).lateral("of_row")
        k = self._text(f"(SELECT k.* FROM {self.rows} OFFSET 0) k")  # noqa: S608
        return select(literal(self.kind).label("kind"), *of_row.c).select_from(k, of_row)

    def _text(self, clause: str) -> TextClause:
        return text(clause).bindparams(*(bindparam(name, value) for name, value in self.values.items()))


Branch = Exactly | Numbered | Source


def _walked(kind: str, cut: Cut, condition: Column | TextClause) -> Query:
    hits = cut(select(*_HIT).where(condition)).subquery()
    return select(literal(kind).label("kind"), *hits.c)
