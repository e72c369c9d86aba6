"""Who asks for what under which idempotency key."""

import hashlib
from dataclasses import dataclass

from api.idempotency import request_of
from domain.access import Principal
from infra.db import idempotency


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """The caller, the idempotency key, and the digest that a repeated request must have."""

    caller: Principal
    key: str
    digest: bytes

    @property
    def claim(self) -> idempotency.Request:
        """As the database keeps it."""
        return request_of(self.caller, self.key, self.digest)


def digest_of(what: str) -> bytes:
    """The digest of a request without a body: of what it asks for."""
    return hashlib.sha256(what.encode()).digest()
