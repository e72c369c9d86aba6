"""Handing out a bearer token: signed with the installation's secret, and kept in its books."""

import asyncio

from infra.db.audit import actor_context
from infra.db.engine import Database
from infra.db.errors import UNREACHABLE
from infra.db.staff import api_tokens
from infra.security import tokens
from infra.security.tokens import Issued
from infra.settings import Settings
from workers.cli import database_errors


def issue(configuration: Settings, role: str, subject: str, lifetime_s: int | None) -> Issued:
    """A token that can be listed and revoked. Raises Unreachable if the database cannot be reached."""
    made = tokens.make(configuration.token_secret, role, subject, lifetime_s or configuration.token_lifetime_s)
    try:
        asyncio.run(_register(configuration, made))
    except UNREACHABLE as error:
        raise Unreachable(
            f"The database cannot be reached, so no token was made: {database_errors.describe(error)}"
        ) from None
    return made


class Unreachable(Exception):
    """The database cannot be reached; the message is for people."""


async def _register(configuration: Settings, made: Issued) -> None:
    database = Database.from_settings(configuration)
    try:
        async with database.begin() as conn:
            await actor_context.set_actor(conn, "", actor_context.cli_origin())
            await api_tokens.register(conn, made, actor_context.cli_origin())
    finally:
        await database.close()
