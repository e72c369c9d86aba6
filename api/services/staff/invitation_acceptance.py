"""What the link of an invitation opens: joining with name, password and second factor, or a new second factor."""

import re
from dataclasses import dataclass

from api.dependencies import Services
from api.services.staff import proof
from api.services.staff.proof import Enrolment, Errors
from domain.access import STAFF_NAME
from domain.errors import Conflict, NotFound
from infra.db.audit import actor_context
from infra.db.engine import Connection
from infra.db.staff import invitations, members, second_factors, staff_sessions
from infra.db.staff.invitations import Invitation
from infra.security import passwords, staff_accounts

_NAME = re.compile(STAFF_NAME)
_TOKEN = re.compile(r"^[A-Za-z0-9_-]{20,100}$")


@dataclass(frozen=True, slots=True)
class OpenLink:
    """A link that can be used: what for, and by whom."""

    purpose: str
    role: str
    name: str | None
    invited_by: str
    enrolment: Enrolment


@dataclass(frozen=True, slots=True)
class Joining:
    """What was typed. For a new second factor, `password` is the current one."""

    name: str
    password: str
    again: str
    sealed: str
    code: str


@dataclass(frozen=True, slots=True)
class Joined:
    """The cookie of the first session, and the recovery codes, which are shown once."""

    name: str
    cookie: str
    recovery_codes: list[str]


async def look(services: Services, token: str, sealed: str = "") -> OpenLink:
    """What this link is for; `sealed` is the enrolment of a form that is shown again. Raises NotFound."""
    found = await _find(services, token)
    make = proof.same_enrolment if sealed else proof.new_enrolment
    arguments = (sealed,) if sealed else ()
    enrolment = make(services, found.invitation_id, found.name or "staff", *arguments)
    return OpenLink(found.purpose, found.role, found.name, found.invited_by, enrolment)


async def accept(services: Services, token: str, typed: Joining, address: str) -> Joined | Errors:
    """Use the link up; errors by field where something typed does not do. Raises NotFound `invitation_not_found`."""
    found = await _find(services, token)
    secret = proof.secret_of(services, found.invitation_id, typed.sealed)
    step = passwords.step_of(secret, typed.code) if secret and typed.code.isascii() else None
    errors = await _errors(services, found, typed, address)
    if step is None or secret is None:
        errors = {**errors, "code": "account.wrong_code"}
    if errors or step is None or secret is None:
        return errors
    try:
        return await _accepted(services, token, found, typed, (secret, step), address)
    except Conflict:
        return {"name": "join.name_taken"}


async def _errors(services: Services, found: Invitation, typed: Joining, address: str) -> Errors:
    if found.purpose == "second_factor":
        return await proof.proved(services, found.name or "", typed.password, address)
    errors = proof.password_errors(typed.name, typed.password, typed.again)
    if not _NAME.fullmatch(typed.name):
        return {"name": "join.name_rule", **errors}
    async with services.database.begin() as conn:
        taken = await members.shown(conn, typed.name) is not None
    return {"name": "join.name_taken", **errors} if taken else errors


async def _accepted(
    services: Services, token: str, found: Invitation, typed: Joining, factor: tuple[str, int], address: str
) -> Joined:
    vault, (secret, step) = services.keys.vault, factor
    name = found.name if found.purpose == "second_factor" and found.name else typed.name
    async with services.database.begin() as conn:
        await actor_context.set_actor(conn, f"{found.role}:{name}", f"console {address or 'unknown'}")
        if await invitations.accept(conn, token, name) is None:
            raise NotFound("invitation_not_found")
        if found.purpose == "join":
            await staff_accounts.join(conn, vault, name, found.role, typed.password, secret)
        await _set_up(conn, services, name, secret, step)
        codes = await proof.give_recovery_codes(conn, services, name)
        cookie = await staff_sessions.open_session(conn, name, services.settings.staff_session_s, address)
    return Joined(name, cookie, codes)


async def _set_up(conn: Connection, services: Services, name: str, secret: str, step: int) -> None:
    """The secret that was shown is the member's; the code that proved it is used up."""
    known = await members.find(conn, name)
    if known is None:
        raise NotFound("invitation_not_found")
    sealed = staff_accounts.sealed_secret(services.keys.vault, known, secret)
    await second_factors.set_totp(conn, name, sealed, in_use=True, step=step)


async def _find(services: Services, token: str) -> Invitation:
    if not _TOKEN.fullmatch(token):
        raise NotFound("invitation_not_found")
    async with services.database.begin() as conn:
        found = await invitations.find(conn, token)
    if found is None:
        raise NotFound("invitation_not_found")
    return found
