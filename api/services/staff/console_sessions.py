"""Sessions of staff in the console: opened with a password and a second factor, found by their cookie, closed."""

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from api.dependencies import Services, actor
from api.services.staff import passkeys, proof
from domain.access import Principal, Role
from infra.db.audit import actor_context
from infra.db.engine import Connection
from infra.db.staff import members, second_factors, sign_in_attempts, staff_sessions
from infra.db.staff.sign_in_attempts import Attempt
from infra.security import passwords
from infra.security.passkeys import Site


@dataclass(frozen=True, slots=True)
class StaffCredentials:
    """The entered credentials; `device` is the cookie of a browser in which this name signed in before."""

    name: str
    password: str
    code: str
    address: str
    device: str | None

    def attempt(self, name: str) -> Attempt:
        """The attempt as it is counted, under `name`."""
        return Attempt(name, self.address or "unknown", self.device)


@dataclass(frozen=True, slots=True)
class StaffSignInRefusal:
    """Why nobody was signed in, and for how many seconds the name is locked."""

    why: Literal["wrong", "locked", "replayed"]
    wait_s: int = 0


@dataclass(frozen=True, slots=True)
class StaffSession:
    """The member of staff whose session it is."""

    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class PasskeyNeeded:
    """The password is right, and no code was entered: what a passkey signs, as JSON. None where none can be used."""

    options: str | None


@dataclass(frozen=True, slots=True)
class PasskeySession:
    """Whose passkey opened a session: its cookie, and that of the browser where it is known."""

    name: str
    device: str | None
    cookie: str


async def sign_in(
    services: Services, claim: StaffCredentials, site: Site | None = None
) -> str | StaffSignInRefusal | PasskeyNeeded:
    """The cookie of a new session, or what a passkey has to sign for one."""
    if "\0" in claim.name + claim.password + claim.code:
        return StaffSignInRefusal("wrong")
    where = f"console {claim.address or 'unknown'}"
    async with services.database.begin() as conn:
        await actor_context.set_actor(conn, "", where)
        known = await members.find(conn, claim.name)
        # What is nobody's name may be a password in the wrong field: it is counted, but not kept.
        name = known.name if known else f"?{services.keys.vault.peppered(claim.name).hex()[:48]}"
        wait_s = await sign_in_attempts.count(conn, claim.attempt(name))
    if wait_s:
        return StaffSignInRefusal("locked", math.ceil(wait_s))
    # Beside the event loop, and for unknown names as well: neither time nor words show who works here.
    right = await asyncio.to_thread(passwords.matches, known.password_hash if known else None, claim.password)
    if known is None or not right:
        return StaffSignInRefusal("wrong")
    if not claim.code.strip():
        return await _passkey_needed(services, known, site)
    step, recovery = _step(services, known, claim.code), passwords.recovery_code(claim.code)
    if step is None and recovery is None:
        return StaffSignInRefusal("wrong")
    async with services.database.begin() as conn:
        await actor_context.set_actor(conn, "", where)
        if step is not None and not await members.use_code(conn, known.name, step):
            return StaffSignInRefusal("replayed")
        if step is None and not await _use_recovery(conn, services, known.name, recovery or ""):
            return StaffSignInRefusal("wrong")
        return await _opened(conn, services, claim, known.name)


async def sign_in_with_passkey(
    services: Services, site: Site, answer: str, address: str, device_of: Callable[[str], str | None]
) -> PasskeySession | StaffSignInRefusal:
    """A new session, or why there is none. `device_of` is the known browser's cookie for a name."""
    name = await passkeys.signed_in(services, site, answer)
    if name is None:
        async with services.database.begin() as conn:
            wait_s = await sign_in_attempts.count_address(conn, address or "unknown")
        return StaffSignInRefusal("locked", math.ceil(wait_s)) if wait_s else StaffSignInRefusal("wrong")
    claim = StaffCredentials(name, "", "", address, device_of(name))
    async with services.database.begin() as conn:
        if await members.find(conn, name) is None:
            return StaffSignInRefusal("wrong")
        await actor_context.set_actor(conn, "", f"console {address or 'unknown'}")
        return PasskeySession(name, claim.device, await _opened(conn, services, claim, name))


async def _passkey_needed(
    services: Services, known: members.Known, site: Site | None
) -> StaffSignInRefusal | PasskeyNeeded:
    async with services.database.begin() as conn:
        if not await second_factors.passkeys_of(conn, known.name):
            return StaffSignInRefusal("wrong")
        return PasskeyNeeded(await passkeys.open_challenge(conn, site, known.name) if site else None)


async def _use_recovery(conn: Connection, services: Services, name: str, code: str) -> bool:
    return await second_factors.use_recovery_code(conn, name, proof.recovery_hash(services, name, code))


async def _opened(conn: Connection, services: Services, claim: StaffCredentials, name: str) -> str:
    await sign_in_attempts.forget(conn, claim.attempt(name))
    return await staff_sessions.open_session(conn, name, services.settings.staff_session_s, claim.address)


def _step(services: Services, known: members.Known, code: str) -> int | None:
    if not known.totp_set:
        return None
    vault = services.keys.vault
    secret = vault.open(vault.unwrap(known.data_key), known.totp_enc, members.totp_context(known.name)).decode()
    return passwords.step_of(secret, code)


async def find(services: Services, cookie: str, *, in_use: bool = True) -> StaffSession | None:
    """The session of this cookie; None when it has ended or there is none. Polling (not `in_use`) keeps none open."""
    async with services.database.begin() as conn:
        found = await staff_sessions.session_of(conn, cookie, services.settings.staff_idle_s, in_use=in_use)
    return StaffSession(found.name, found.role) if found else None


async def sign_out(services: Services, caller: Principal, cookie: str) -> None:
    """End the session of this cookie, which is the caller's."""
    async with services.database.begin() as conn:
        await actor_context.set_actor(conn, actor(caller), caller.origin)
        await staff_sessions.close_session(conn, cookie)
