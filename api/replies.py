"""What an operation answers, before anybody decides how to present it."""

from dataclasses import dataclass, replace
from typing import Any


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
