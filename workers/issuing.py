"""Handing out a bearer token: signed with the installation's secret, and kept in its books."""

import asyncio

from sqlalchemy.exc import SQLAlchemyError

from infra import tokens
from infra.db import acting
from infra.db import tokens as books
from infra.db.engine import Database, PoolExhausted
from infra.settings import Settings
from infra.tokens import Issued
from workers import books_trouble


def issue(configuration: Settings, role: str, subject: str, lifetime_s: int | None) -> Issued:
    """A token that can be listed and revoked. Raises Unreachable where the books cannot be reached."""
    made = tokens.make(configuration.token_secret, role, subject, lifetime_s or configuration.token_lifetime_s)
    try:
        asyncio.run(_register(configuration, made))
    except (SQLAlchemyError, PoolExhausted, OSError) as error:
        raise Unreachable(f"The books cannot be reached, so no token was made: {books_trouble.words(error)}") from None
    return made


class Unreachable(Exception):
    """The books cannot be reached; the message is for people."""


async def _register(configuration: Settings, made: Issued) -> None:
    database = Database.from_settings(configuration)
    try:
        async with database.begin() as conn:
            await acting.acts(conn, "", acting.terminal())
            await books.register(conn, made, acting.terminal())
    finally:
        await database.close()
