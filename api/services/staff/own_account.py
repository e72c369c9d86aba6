"""A member's own account: password, second factors, recovery codes and sessions. Each change needs the password."""

import asyncio
import re
from dataclasses import dataclass
from datetime import datetime

from api.dependencies import Services, actor
from api.services.staff import proof, staff_members
from api.services.staff.proof import Enrolment, Errors
from domain.access import Principal
from infra.db.audit import actor_context
from infra.db.engine import Connection
from infra.db.staff import members, second_factors, staff_sessions
from infra.db.staff.members import Member
from infra.db.staff.staff_sessions import OpenSession
from infra.security import passwords, staff_accounts

_ID = re.compile(r"^pk_[0-9a-f]{32}$")


@dataclass(frozen=True, slots=True)
class ListedPasskey:
    """A passkey by the name that its owner gave it."""

    passkey_id: str
    label: str
    created_at: datetime
    used_at: datetime | None


@dataclass(frozen=True, slots=True)
class OwnAccount:
    """What the page of the own account shows."""

    member: Member
    passkeys: list[ListedPasskey]
    sessions: list[OpenSession]
    enrolment: Enrolment


async def view(services: Services, caller: Principal, cookie: str, sealed: str = "") -> OwnAccount:
    """The account of the caller; `sealed` is the enrolment of a form that is shown again."""
    name = caller.subject
    member = await staff_members.find(services, name)
    async with services.database.begin() as conn:
        keys = await second_factors.passkeys_of(conn, name)
        sessions = await staff_sessions.open_of(conn, name, cookie, services.settings.staff_idle_s)
    shown = [ListedPasskey(key.passkey_id, key.label, key.created_at, key.used_at) for key in keys]
    purpose = _purpose(name)
    enrolment = (
        proof.same_enrolment(services, purpose, name, sealed)
        if sealed
        else proof.new_enrolment(services, purpose, name)
    )
    return OwnAccount(member, shown, sessions, enrolment)


async def change_password(
    services: Services, caller: Principal, cookie: str, old: str, new: tuple[str, str], address: str
) -> Errors:
    """Set another password; every other session ends. Errors by field, or none."""
    name = caller.subject
    errors = proof.password_errors(name, *new) or await proof.proved(services, name, old, address)
    if errors:
        return errors
    hashed = await asyncio.to_thread(passwords.hashed, new[0])
    async with services.database.begin() as conn:
        await _as(conn, caller)
        await members.set_password(conn, name, hashed)
        await staff_sessions.close_others(conn, name, cookie)
    return {}


async def set_totp(
    services: Services, caller: Principal, cookie: str, typed: tuple[str, str, str], address: str
) -> list[str] | Errors:
    """Another authenticator app (`sealed` enrolment, code, password); the recovery codes. Other sessions end."""
    sealed, code, password = typed
    name, secret = caller.subject, proof.secret_of(services, _purpose(caller.subject), sealed)
    step = passwords.step_of(secret, code) if secret and code.isascii() else None
    if secret is None or step is None:
        return {"code": "account.wrong_code"}
    if errors := await proof.proved(services, name, password, address):
        return errors
    async with services.database.begin() as conn:
        await _as(conn, caller)
        known = await members.find(conn, name)
        assert known is not None
        sealed_now = staff_accounts.sealed_secret(services.keys.vault, known, secret)
        await second_factors.set_totp(conn, name, sealed_now, in_use=True, step=step)
        await staff_sessions.close_others(conn, name, cookie)
        return await proof.give_recovery_codes(conn, services, name)


async def remove_totp(services: Services, caller: Principal, password: str, address: str) -> Errors:
    """Remove the authenticator app; only with a passkey."""
    if errors := await proof.proved(services, caller.subject, password, address):
        return errors
    async with services.database.begin() as conn:
        await _as(conn, caller)
        known = await members.hold(conn, caller.subject)
        if known is None or not await second_factors.passkeys_of(conn, known.name):
            return {"old": "account.only_factor"}
        unknown = staff_accounts.sealed_secret(services.keys.vault, known, passwords.new_secret())
        await second_factors.set_totp(conn, known.name, unknown, in_use=False)
    return {}


async def remove_passkey(services: Services, caller: Principal, passkey_id: str, password: str, address: str) -> Errors:
    """Delete a passkey, unless it is the only second factor."""
    if errors := await proof.proved(services, caller.subject, password, address):
        return errors
    async with services.database.begin() as conn:
        await _as(conn, caller)
        known = await members.hold(conn, caller.subject)
        keys = await second_factors.passkeys_of(conn, caller.subject)
        if known is None or (not known.totp_set and len(keys) < 2):
            return {"old": "account.only_factor"}
        if not _ID.match(passkey_id) or not await second_factors.remove_passkey(conn, known.name, passkey_id):
            return {"old": "account.no_passkey"}
    return {}


async def new_recovery_codes(services: Services, caller: Principal, password: str, address: str) -> list[str] | Errors:
    """Ten new recovery codes; the earlier ones are invalid."""
    if errors := await proof.proved(services, caller.subject, password, address):
        return errors
    async with services.database.begin() as conn:
        await _as(conn, caller)
        return await proof.give_recovery_codes(conn, services, caller.subject)


async def sign_out_others(services: Services, caller: Principal, cookie: str) -> int:
    """End every session but this one; how many ended."""
    async with services.database.begin() as conn:
        await _as(conn, caller)
        return await staff_sessions.close_others(conn, caller.subject, cookie)


async def _as(conn: Connection, caller: Principal) -> None:
    await actor_context.set_actor(conn, actor(caller), caller.origin)


def _purpose(name: str) -> str:
    return f"staff {name}"
