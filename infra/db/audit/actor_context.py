"""Who acts in a transaction and where from, for the triggers of the audit log."""

import getpass
import socket

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# To the end of the transaction: the connection goes back to the pool as nobody's.
_SAY = text("SELECT set_config('oms.actor', :actor, true), set_config('oms.origin', :origin, true)")


async def set_actor(conn: AsyncConnection, actor: str, origin: str) -> None:
    """What this transaction does from here on is `actor`'s (`role:name`; empty: the system's), from `origin`.

    A request with an idempotency key says so when it claims its key and needs no call of this.
    """
    await conn.execute(_SAY, {"actor": actor, "origin": origin})


def cli_origin() -> str:
    """The origin of what is typed on this machine: `cli USER@HOST`."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = "unknown"
    return f"cli {user}@{socket.gethostname()}"
