"""Which master keys encrypt the database, by their ids: a process that has another one must not begin."""

from collections.abc import Collection, Sequence

import psycopg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# The code wherever this is reported.
UNKNOWN = "master_key_unknown"
TIMEOUT_S = 5
_MEET = "SELECT meet_master_keys(%s, %s)"
_NOTED = text("SELECT key_id FROM master_keys WHERE key_id <> ALL (:own) ORDER BY noted_at")


def meet(url: str, own: Sequence[bytes]) -> list[bytes]:
    """The keys of the database that are none of `own`; when there are none, the first of `own` is noted as one of them.

    Raises DriverError where the database does not answer, or is older than this program.
    """
    options = f"-c statement_timeout={TIMEOUT_S}s"
    with psycopg.connect(url, autocommit=True, connect_timeout=TIMEOUT_S, options=options) as connection:
        rows = connection.execute(_MEET, (own[0], list(own[1:]))).fetchall()
    return [bytes(row[0]) for row in rows]


async def lacking(conn: AsyncConnection, own: Sequence[bytes]) -> list[bytes]:
    """As `meet`, and nothing is noted."""
    rows = await conn.execute(_NOTED, {"own": list(own)})
    return [bytes(row[0]) for row in rows]


def problem(lacks: Collection[bytes]) -> str:
    """What is wrong when keys of the database are missing, and what to do."""
    named = ", ".join(sorted(key.hex() for key in lacks))
    return (
        f"the database is encrypted with another master key (id {named}): set that key as OMS_MASTER_KEY again, or "
        "name it in OMS_PREVIOUS_MASTER_KEYS; docs/deploy.md says how a key is changed, and what to do when one is lost"
    )
