"""Sessions of staff in the console: opened with a password and a one-time code, found by their cookie, closed."""

import asyncio
import math
from dataclasses import dataclass
from typing import Literal

from api.dependencies import Services, actor
from domain.access import Principal, Role
from infra.db.audit import actor_context
from infra.db.staff import members, sign_in_attempts, staff_sessions
from infra.db.staff.sign_in_attempts import Attempt
from infra.security import passwords


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


async def sign_in(services: Services, claim: StaffCredentials) -> str | StaffSignInRefusal:
    """The cookie of a new session."""
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
    step = _step(services, known, claim.code) if known and right else None
    if known is None or step is None:
        return StaffSignInRefusal("wrong")
    async with services.database.begin() as conn:
        if not await members.use_code(conn, known.name, step):
            return StaffSignInRefusal("replayed")
        await actor_context.set_actor(conn, "", where)
        await sign_in_attempts.forget(conn, claim.attempt(known.name))
        return await staff_sessions.open_session(conn, known.name, services.settings.staff_session_s, claim.address)


def _step(services: Services, known: members.Known, code: str) -> int | None:
    vault = services.keys.vault
    secret = vault.open(vault.unwrap(known.data_key), known.totp_enc, members.totp_context(known.name)).decode()
    return passwords.step_of(secret, code)


async def find(services: Services, cookie: str) -> StaffSession | None:
    """The session of this cookie; None when it has ended or there is none."""
    async with services.database.begin() as conn:
        found = await staff_sessions.session_of(conn, cookie, services.settings.staff_idle_s)
    return StaffSession(found.name, Role(found.role)) if found else None


async def sign_out(services: Services, caller: Principal, cookie: str) -> None:
    """End the session of this cookie, which is the caller's."""
    async with services.database.begin() as conn:
        await actor_context.set_actor(conn, actor(caller), caller.origin)
        await staff_sessions.close_session(conn, cookie)
