"""Links that admins hand to staff: an invitation to join, and a new second factor. Each is shown once."""

import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from api.dependencies import Services, actor, derived_id
from api.idempotency import SecretAnswer, request_of, run_in_transaction, run_with_secrets
from api.replies import Reply
from api.schemas.staff import NewInvitation, SecondFactorReset
from api.services.staff import invitation_mail
from domain.access import STAFF_NAME, Principal, same_person
from domain.errors import Conflict, NotFound, RuleBroken
from infra.alerts.message import console_url
from infra.db.engine import Connection
from infra.db.staff import invitations, members, second_factors, staff_sessions
from infra.db.staff.invitations import Invitation
from infra.security import passwords, staff_accounts
from infra.security.crypto import Unreadable

_ID = re.compile(r"^inv_[0-9a-f]{32}$")
_NAME = re.compile(STAFF_NAME)


@dataclass(frozen=True, slots=True)
class ListedInvitation:
    """An invitation that can still be used, without its link."""

    invitation_id: str
    purpose: str
    role: str
    name: str | None
    email: str | None
    invited_by: str
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class GivenLink:
    """What the admin is shown once; `link` is None for a repeat. `sent` says whether the e-mail was handed over."""

    name: str | None
    role: str | None
    link: str | None
    sent: bool
    error: str | None


def given(reply: Reply) -> GivenLink:
    """The link of this answer."""
    facts = reply.content
    return GivenLink(
        facts.get("name"), facts.get("role"), facts.get("link"), bool(facts.get("sent")), facts.get("send_error")
    )


async def list_open(services: Services) -> list[ListedInvitation]:
    """Invitations that can still be used, the newest first."""
    async with services.database.begin() as conn:
        found = await invitations.open_ones(conn)
    return [_shown(services, one) for one in found]


async def invite(services: Services, caller: Principal, key: str, digest: bytes, new: NewInvitation) -> Reply:
    """A single-use link to join. Raises Conflict `staff_exists` for a name that is taken."""
    invitation_id = f"inv_{derived_id(caller, key, 'invitation')}"

    async def work(conn: Connection) -> SecretAnswer:
        if new.name and await members.shown(conn, new.name):
            raise Conflict("staff_exists", f"there is a {new.name} already, or was one: names are not given twice")
        facts = {"invitation_id": invitation_id, "role": new.role, "name": new.name}
        return await _added(conn, services, caller, "join", facts, new.email)

    reply = await run_with_secrets(services, request_of(caller, key, digest), 201, work)
    return await invitation_mail.sent(services, reply, new.email)


async def reset_second_factor(
    services: Services, caller: Principal, key: str, digest: bytes, name: str, body: SecondFactorReset
) -> Reply:
    """Every second factor of this member ends, and every session; the link sets up another, with the password.

    Raises NotFound `staff_not_found`, RuleBroken `own_role`.
    """
    require_other(caller, name)

    async def work(conn: Connection) -> SecretAnswer:
        known = await members.find(conn, name)
        if known is None:
            raise NotFound("staff_not_found", f"no active member of staff is called {name}")
        # Sealed like any other, but shown to nobody: no code fits it.
        unknown = staff_accounts.sealed_secret(services.keys.vault, known, passwords.new_secret())
        await second_factors.set_totp(conn, name, unknown, in_use=False)
        await second_factors.remove_all(conn, name)
        await staff_sessions.close_sessions_of(conn, name)
        await invitations.revoke_of(conn, name)
        facts = {
            "invitation_id": f"inv_{derived_id(caller, key, 'second factor')}",
            "role": known.role,
            "name": known.name,
        }
        return await _added(conn, services, caller, "second_factor", facts, body.email)

    reply = await run_with_secrets(services, request_of(caller, key, digest), 200, work)
    return await invitation_mail.sent(services, reply, body.email)


async def revoke(services: Services, caller: Principal, key: str, invitation_id: str) -> Reply:
    """Let this link open nothing any more. Raises NotFound `invitation_not_found`."""

    async def work(conn: Connection) -> dict[str, object]:
        if not _ID.match(invitation_id) or not await invitations.revoke(conn, invitation_id):
            raise NotFound("invitation_not_found")
        return {"invitation_id": invitation_id, "revoked": True}

    digest = hashlib.sha256(f"revoke {invitation_id}".encode("utf-8", "surrogatepass")).digest()
    return await run_in_transaction(services, request_of(caller, key, digest), 200, work)


def require_other(caller: Principal, name: str) -> None:
    """Raises NotFound `staff_not_found` for what cannot be a name, RuleBroken `own_role` for the caller's own."""
    if not _NAME.fullmatch(name):
        raise NotFound("staff_not_found")
    if same_person(caller.subject, name):
        raise RuleBroken("own_role", "this is your own account; another admin changes it, or you do in My account")


async def _added(
    conn: Connection,
    services: Services,
    caller: Principal,
    purpose: invitations.Purpose,
    facts: Mapping[str, str | None],
    email: str | None,
) -> SecretAnswer:
    token, invitation_id = secrets.token_urlsafe(32), str(facts["invitation_id"])
    sealed = services.keys.vault.seal_answer(email.encode(), _context(invitation_id)) if email else None
    kept = invitations.NewInvitation(
        invitation_id=invitation_id,
        purpose=purpose,
        token=token,
        role=str(facts["role"]),
        name=facts["name"],
        email_enc=sealed,
        invited_by=actor(caller),
        lifetime_s=services.settings.staff_invitation_s,
    )
    expires_at = await invitations.add(conn, kept)
    link = f"{console_url(services.settings)}/console/join?token={token}"
    return SecretAnswer({**facts, "expires_at": expires_at}, {"link": link})


def _shown(services: Services, one: Invitation) -> ListedInvitation:
    email = None
    if one.email_enc is not None:
        try:
            email = services.keys.vault.open_answer(one.email_enc, _context(one.invitation_id)).decode()
        except Unreadable:
            email = None
    return ListedInvitation(
        one.invitation_id, one.purpose, one.role, one.name, email, one.invited_by, one.created_at, one.expires_at
    )


def _context(invitation_id: str) -> str:
    return f"invitation:{invitation_id}:email"
