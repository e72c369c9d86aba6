"""What a person proves before something about their own account changes: the password, counted like a sign-in."""

import asyncio
import math
import secrets
from dataclasses import dataclass

from api.dependencies import Services
from infra.db.audit import actor_context
from infra.db.engine import Connection
from infra.db.staff import members, second_factors, sign_in_attempts
from infra.db.staff.sign_in_attempts import Attempt
from infra.security import passwords
from infra.security.crypto import Unreadable

Errors = dict[str, str]


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A new secret of an authenticator app: as the form carries it, as it is typed, and as it is scanned."""

    sealed: str
    secret: str
    address: str


def new_enrolment(services: Services, purpose: str, name: str) -> Enrolment:
    """A secret that nothing is kept of: the form brings it back sealed, for this purpose alone."""
    return _enrolment(services, purpose, name, passwords.new_secret())


def same_enrolment(services: Services, purpose: str, name: str, sealed: str) -> Enrolment:
    """The enrolment of a form that is shown again; another one where `sealed` is none of ours."""
    secret = secret_of(services, purpose, sealed)
    return _enrolment(services, purpose, name, secret or passwords.new_secret())


def _enrolment(services: Services, purpose: str, name: str, secret: str) -> Enrolment:
    sealed = services.keys.vault.seal_answer(secret.encode(), f"totp for {purpose}")
    return Enrolment(sealed.hex(), secret, passwords.address(secret, name))


def secret_of(services: Services, purpose: str, sealed: str) -> str | None:
    """The secret that a form brought back; None for what is none of ours, or was made for something else."""
    try:
        return services.keys.vault.open_answer(bytes.fromhex(sealed), f"totp for {purpose}").decode()
    except (ValueError, Unreadable):
        return None


def password_errors(name: str, password: str, again: str) -> Errors:
    """Why nobody may have this password; by field."""
    if not passwords.MIN_PASSWORD_CHARS <= len(password) <= passwords.MAX_PASSWORD_CHARS or "\0" in password:
        return {"password": "account.password_length"}
    if len(set(password)) < 5 or (name and name in password.lower() and len(password) < len(name) + 8):
        return {"password": "account.password_easy"}
    return {} if secrets.compare_digest(password.encode(), again.encode()) else {"again": "account.password_differs"}


async def proved(services: Services, name: str, password: str, address: str) -> Errors:
    """Errors of the field `old`: wrong, or too many wrong ones in a row. The attempt is counted first."""
    attempt = Attempt(name, address or "unknown")
    async with services.database.begin() as conn:
        await actor_context.set_actor(conn, "", f"console {address or 'unknown'}")
        known = await members.find(conn, name)
        wait_s = await sign_in_attempts.count(conn, attempt)
    if wait_s:
        return {"old": "account.wait", "wait_s": str(math.ceil(wait_s))}
    hashed = known.password_hash if known else None
    if "\0" in password or not await asyncio.to_thread(passwords.matches, hashed, password):
        return {"old": "account.wrong_password"}
    async with services.database.begin() as conn:
        await sign_in_attempts.forget(conn, attempt)
    return {}


async def give_recovery_codes(conn: Connection, services: Services, name: str) -> list[str]:
    """Ten new recovery codes, stored as keyed hashes; earlier ones open nothing any more."""
    codes = passwords.new_recovery_codes()
    hashes = [recovery_hash(services, name, code) for code in codes]
    await second_factors.set_recovery_codes(conn, name, hashes)
    return codes


def recovery_hash(services: Services, name: str, code: str) -> bytes:
    """What a recovery code of this member is stored as."""
    return services.keys.vault.peppered(f"recovery\n{name}\n{code}")
