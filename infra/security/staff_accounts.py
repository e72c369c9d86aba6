"""Who may sign in to the console: first secrets, other ones for those that were lost, and an end to it."""

import asyncio
from typing import TypedDict

from domain.errors import Conflict
from infra.db.engine import Connection
from infra.db.staff import invitations, members, second_factors, staff_sessions
from infra.security import passwords
from infra.security.crypto import Vault


class GivenSecrets(TypedDict):
    """What a member of staff is shown once: a first password, and a second factor with its address for an app."""

    password: str
    secret: str
    address: str


async def add(conn: Connection, vault: Vault, name: str, role: str) -> GivenSecrets:
    """Add a member of staff; the secrets are stored hashed and encrypted. Raises Conflict."""
    given, secrets = await _secrets(vault, name)
    await members.add(conn, name, role, secrets)
    return given


async def reset(conn: Connection, vault: Vault, name: str, *, even_last_admin: bool = False) -> GivenSecrets:
    """New secrets for a member of staff who lost them; their sessions and links end.

    Raises NotFound, Conflict `last_admin`.
    """
    await _others_remain(conn, name, even_last_admin)
    given, secrets = await _secrets(vault, name)
    await members.reset(conn, name, secrets)
    await second_factors.remove_all(conn, name)
    await staff_sessions.close_sessions_of(conn, name)
    await invitations.revoke_of(conn, name)
    return given


async def remove(conn: Connection, name: str, *, even_last_admin: bool = False) -> None:
    """Remove the access of a member of staff; their sessions end, and links for them or by them open nothing any more.

    Raises NotFound, Conflict `last_admin`.
    """
    await _others_remain(conn, name, even_last_admin)
    await members.remove(conn, name)
    await staff_sessions.close_sessions_of(conn, name)
    await invitations.revoke_of(conn, name)
    await end_invitations_by(conn, name)


async def end_invitations_by(conn: Connection, name: str) -> None:
    """Who is an admin no more lets nobody in: the links that they made as an admin open nothing any more."""
    await invitations.revoke_made_by(conn, f"admin:{name}")


async def _others_remain(conn: Connection, name: str, even_last_admin: bool) -> None:
    if even_last_admin:
        await members.allow_no_admin(conn)
    elif await members.admins(conn) == [name]:
        words = f"{name} is the only admin who can sign in; repeat it with even_last_admin to go on"
        raise Conflict("last_admin", words)


async def join(conn: Connection, vault: Vault, name: str, role: str, password: str, secret: str) -> None:
    """Add a member who chose password and second factor. Raises Conflict `staff_exists`."""
    plain, wrapped = vault.new_data_key()
    sealed = vault.seal(plain, secret, members.totp_context(name))
    hashed = await asyncio.to_thread(passwords.hashed, password)
    await members.add(conn, name, role, members.Secrets(hashed, wrapped, sealed))


def sealed_secret(vault: Vault, known: members.Known, secret: str) -> bytes:
    """The secret of an authenticator app, sealed for this member."""
    return vault.seal(vault.unwrap(known.data_key), secret, members.totp_context(known.name))


async def _secrets(vault: Vault, name: str) -> tuple[GivenSecrets, members.Secrets]:
    password, secret = passwords.new_password(), passwords.new_secret()
    plain, wrapped = vault.new_data_key()
    sealed = vault.seal(plain, secret, members.totp_context(name))
    secrets = members.Secrets(await asyncio.to_thread(passwords.hashed, password), wrapped, sealed)
    return {"password": password, "secret": secret, "address": passwords.address(secret, name)}, secrets
