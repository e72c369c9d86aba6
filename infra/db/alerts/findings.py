"""One cause of an alert to staff, as it is now."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypedDict
from urllib.parse import quote

from sqlalchemy.ext.asyncio import AsyncConnection

from domain.alerts import Kind
from infra.settings import Settings


class Amount(TypedDict):
    """Money at stake."""

    currency: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Finding:
    """One cause as it is now. `facts` tell it from others of its kind unless they are in `detail`.

    `amounts` is the money at stake. Nothing in it is personal.
    """

    kind: Kind
    facts: dict[str, str | None]
    count: int
    oldest_at: datetime | None = None
    amounts: list[Amount] = field(default_factory=list)
    detail: Mapping[str, object] = field(default_factory=dict)

    @property
    def cause(self) -> str:
        """The key of the cause."""
        return ":".join([self.kind, *(quote(value or "", safe="") for _, value in sorted(self.facts.items()))])

    def row(self) -> dict[str, object]:
        """As the database stores it."""
        return {
            "cause": self.cause,
            "kind": self.kind.value,
            "facts": {**self.facts, **self.detail},
            "count": self.count,
            "amounts": self.amounts,
            "oldest_at": self.oldest_at.isoformat() if self.oldest_at else None,
        }


Detector = Callable[[AsyncConnection, Settings], Awaitable[list[Finding]]]


def as_json(found: list[Finding]) -> str:
    """All of them, as one parameter of a statement."""
    return json.dumps([one.row() for one in found])
