"""What an operation answers, before anybody decides how to present it."""

from dataclasses import dataclass, replace
from typing import Any

import orjson

_JSON_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC


@dataclass(frozen=True, slots=True)
class Reply:
    """The content, and the status of the HTTP answer, which is kept with the idempotency key.

    `replayed` says that this is the first answer to the key, given again. `version` is the order's, where the content
    goes with one: the ETag for the next conditional request.
    """

    content: Any
    status: int = 200
    replayed: bool = False
    version: int | None = None

    def at(self, version: int) -> "Reply":
        """The same for this version of the order."""
        return replace(self, version=version)


def as_json(content: Any) -> bytes:
    """The content as JSON; times in UTC with a Z."""
    return orjson.dumps(content, option=_JSON_OPTIONS)


def as_sent(content: Any) -> Any:
    """The content as whoever reads the JSON gets it: times as text."""
    return orjson.loads(as_json(content))
