"""Attempts to sign in to the console: counted by address, by name and address, by name, or by a known browser.

The attempt is counted before the password is looked at: guesses in parallel cannot outrun the count. Some attempts
cost nothing; the next one costs two seconds, each further one twice as much, up to the count's longest wait.
"""

import hashlib
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.security.network_addresses import source_of

_FAILURES = "(CASE WHEN a.tried_at < now() - make_interval(secs => :lapse_s) THEN 1 ELSE a.failures + 1 END)"
_COUNT = text(
    f"""
    INSERT INTO sign_in_attempts AS a (name, source, failures, locked_until)
    VALUES (:name, :source, 1, '-infinity')
    ON CONFLICT (name, source) DO UPDATE
       SET failures = {_FAILURES}, tried_at = now(),
           locked_until = CASE WHEN {_FAILURES} <= :free THEN '-infinity'
                               ELSE now() + make_interval(secs => least(:longest_s,
                                                                        2.0 ^ least({_FAILURES} - :free, 12))) END
     WHERE a.locked_until <= now()
    RETURNING failures
    """  # noqa: S608 - no value of anybody's
)
_LEFT = text(
    """
    SELECT greatest(extract(epoch FROM locked_until - now()), 0)::float
      FROM sign_in_attempts WHERE name = :name AND source = :source
    """
)
_FORGET = text("DELETE FROM sign_in_attempts WHERE name = :name AND source = :source")
_TAKE_BACK = text(
    """
    WITH last AS (DELETE FROM sign_in_attempts WHERE name = :name AND source = :source AND failures = 1)
    UPDATE sign_in_attempts SET failures = failures - 1 WHERE name = :name AND source = :source AND failures > 1
    """
)
_SWEEP = text("DELETE FROM sign_in_attempts WHERE tried_at < now() - interval '1 day'")


@dataclass(frozen=True, slots=True)
class Attempt:
    """Who is said to sign in, from where; `device` is the cookie of a browser that this name is known in."""

    name: str
    address: str
    device: str | None = None


@dataclass(frozen=True, slots=True)
class _Count:
    """One row. `free` attempts cost nothing; it begins anew when nobody has tried for `lapse_s` seconds."""

    name: str
    source: str
    free: int
    longest_s: float
    lapse_s: float

    @property
    def key(self) -> dict[str, str]:
        return {"name": self.name, "source": self.source}


def _counts(attempt: Attempt) -> list[_Count]:
    """What an attempt is counted by, in the order in which the rows are locked.

    One address has 30 wrong attempts in a quarter of an hour, 4 under one name. What is tried under a name from many
    addresses is slowed down as a whole, but to one attempt a minute at the least: nobody is locked out by strangers.
    A known browser answers for itself alone.
    """
    if attempt.device is not None:
        device = hashlib.sha256(attempt.device.encode()).hexdigest()[:32]
        return [_Count(attempt.name, f"device {device}", 4, 900.0, 86_400.0)]
    source = source_of(attempt.address)
    return [
        _Count("", f"address {source}"[:100], 30, 900.0, 900.0),
        _Count(attempt.name, f"from {source}"[:100], 4, 900.0, 86_400.0),
        _Count(attempt.name, "", 50, 60.0, 86_400.0),
    ]


async def count(conn: AsyncConnection, attempt: Attempt) -> float:
    """Count an attempt; 0.0, or the seconds to wait. What is locked already counts no further."""
    for one in _counts(attempt):
        values = {**one.key, "free": one.free, "longest_s": one.longest_s, "lapse_s": one.lapse_s}
        if (await conn.execute(_COUNT, values)).scalar_one_or_none() is None:
            return max(float((await conn.execute(_LEFT, one.key)).scalar_one()), 0.1)
    return 0.0


async def count_address(conn: AsyncConnection, address: str) -> float:
    """Count an attempt of nobody's by its address alone; 0.0, or the seconds to wait."""
    one = _counts(Attempt("", address))[0]
    values = {**one.key, "free": one.free, "longest_s": one.longest_s, "lapse_s": one.lapse_s}
    if (await conn.execute(_COUNT, values)).scalar_one_or_none() is not None:
        return 0.0
    return max(float((await conn.execute(_LEFT, one.key)).scalar_one()), 0.1)


async def forget(conn: AsyncConnection, attempt: Attempt) -> None:
    """After a good attempt: nothing is held against the name, the address gets this one back."""
    for one in _counts(attempt):
        await conn.execute(_TAKE_BACK if one.source.startswith("address") else _FORGET, one.key)
    await conn.execute(_SWEEP)
