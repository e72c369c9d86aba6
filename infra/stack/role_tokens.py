"""The tokens of a stack of one's own: one for each role, good for days, renewed while it runs."""

import asyncio
import logging
from collections.abc import Callable, Iterable

import psycopg

from domain.access import Role
from infra.security import tokens
from infra.security.tokens import Issued
from infra.stack.data_dir.secrets import Secrets

LIFETIME_S = 3 * 86_400
RENEW_S = 86_400.0
RETRY_S = 60.0
BY = "oms up"
SUBJECTS = {Role.CUSTOMER: "c-demo", Role.CHANNEL: "web"}
# The database as the services use it, without the imports of the services.
_REGISTER = """
INSERT INTO tokens (token_id, role, subject, issued_at, issued_by, expires_at)
VALUES (%s, %s, %s, to_timestamp(%s), %s, to_timestamp(%s))
"""
log = logging.getLogger(__name__)


def make(secrets: Secrets) -> dict[str, Issued]:
    """A token for each role, by role."""
    secret = secrets.token_secret
    return {role.value: tokens.make(secret, role, SUBJECTS.get(role, role.value), LIFETIME_S) for role in Role}


async def register(app_url: str, issued: Iterable[Issued], by: str = BY) -> None:
    """Store the issued tokens in the database, so that they can be listed and revoked."""
    async with await psycopg.AsyncConnection.connect(app_url, connect_timeout=5) as connection:
        for one in issued:
            facts = (one.token_id, one.role.value, one.subject, one.issued_at, by, one.expires_at)
            await connection.execute(_REGISTER, facts)


async def renewed(secrets: Secrets, app_url: str, announce: Callable[[dict[str, str]], None]) -> None:
    """Announce new tokens every day, until cancelled: whoever reads the ready file has some for two days or more."""
    pause_s = RENEW_S
    while True:
        await asyncio.sleep(pause_s)
        made = make(secrets)
        try:
            await register(app_url, made.values())
        except psycopg.Error as error:
            log.warning("tokens cannot be renewed now: %s; trying again", type(error).__name__)
            pause_s = RETRY_S
            continue
        announce({role: one.token for role, one in made.items()})
        pause_s = RENEW_S
