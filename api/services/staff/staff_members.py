"""Members of staff: added, listed, reset, removed and let in again; their roles and sessions."""

import hashlib
import re

from api.dependencies import Services
from api.idempotency import SecretAnswer, request_of, run_in_transaction, run_with_secrets
from api.replies import Reply
from api.schemas.staff import NewRole, NewStaff, StaffAct
from api.services.staff.invitations import require_other
from domain.access import STAFF_NAME, Principal
from domain.errors import Conflict, NotFound
from infra.db import idempotency
from infra.db.engine import Connection
from infra.db.staff import members, staff_sessions
from infra.db.staff.members import Member
from infra.security import staff_accounts

_NAME = re.compile(STAFF_NAME)


async def list_members(services: Services) -> list[Member]:
    """Everybody who may sign in or once could, the active ones first."""
    async with services.database.begin() as conn:
        return await members.everybody(conn)


async def find(services: Services, name: str) -> Member:
    """One of them. Raises NotFound `staff_not_found`."""
    _require_name(name)
    async with services.database.begin() as conn:
        member = await members.shown(conn, name)
    if member is None:
        raise NotFound("staff_not_found", f"no member of staff is called {name}")
    return member


async def add(services: Services, caller: Principal, key: str, digest: bytes, new: NewStaff) -> Reply:
    """A new member; the first answer is all that shows the secrets. Raises Conflict `staff_exists`."""

    async def work(conn: Connection) -> SecretAnswer:
        secrets = await staff_accounts.add(conn, services.keys.vault, new.name, new.role)
        return SecretAnswer({"name": new.name, "role": new.role}, secrets)

    return await run_with_secrets(services, _request(caller, key, digest), 201, work)


async def reset(services: Services, caller: Principal, key: str, digest: bytes, name: str, action: StaffAct) -> Reply:
    """New secrets; every session of this member ends. Raises NotFound `staff_not_found`, Conflict `last_admin`."""
    _require_name(name)

    async def work(conn: Connection) -> SecretAnswer:
        even = action.even_last_admin
        return SecretAnswer(
            {"name": name}, await staff_accounts.reset(conn, services.keys.vault, name, even_last_admin=even)
        )

    return await run_with_secrets(services, _request(caller, key, digest), 200, work)


async def remove(services: Services, caller: Principal, key: str, digest: bytes, name: str, action: StaffAct) -> Reply:
    """End the member's access. Raises NotFound `staff_not_found`, Conflict `last_admin`."""
    _require_name(name)

    async def work(conn: Connection) -> dict[str, object]:
        await staff_accounts.remove(conn, name, even_last_admin=action.even_last_admin)
        return {"name": name, "active": False}

    return await run_in_transaction(services, _request(caller, key, digest), 200, work)


async def reactivate(services: Services, caller: Principal, key: str, name: str) -> Reply:
    """Let somebody sign in again, with what they signed in with before. Raises NotFound `staff_not_found`."""
    _require_name(name)

    async def work(conn: Connection) -> dict[str, object]:
        await members.reactivate(conn, name)
        return {"name": name, "active": True}

    digest = hashlib.sha256(f"reactivate {name}".encode()).digest()
    return await run_in_transaction(services, _request(caller, key, digest), 200, work)


async def change_role(
    services: Services, caller: Principal, key: str, digest: bytes, name: str, change: NewRole
) -> Reply:
    """Another role, at once. Raises NotFound `staff_not_found`, Conflict `last_admin`, RuleBroken `own_role`."""
    require_other(caller, name)

    async def work(conn: Connection) -> dict[str, object]:
        if change.role != "admin" and await members.admins(conn) == [name]:
            raise Conflict("last_admin", f"{name} is the only admin who can sign in; make somebody else one first")
        await members.change_role(conn, name, change.role)
        if change.role != "admin":
            await staff_accounts.end_invitations_by(conn, name)
        return {"name": name, "role": change.role}

    return await run_in_transaction(services, _request(caller, key, digest), 200, work)


async def sign_out(services: Services, caller: Principal, key: str, name: str) -> Reply:
    """End every session of this member. Raises NotFound `staff_not_found`."""
    _require_name(name)

    async def work(conn: Connection) -> dict[str, object]:
        if await members.shown(conn, name) is None:
            raise NotFound("staff_not_found", f"no member of staff is called {name}")
        return {"name": name, "ended": await staff_sessions.close_sessions_of(conn, name)}

    digest = hashlib.sha256(f"sign out {name}".encode()).digest()
    return await run_in_transaction(services, _request(caller, key, digest), 200, work)


def _request(caller: Principal, key: str, digest: bytes) -> idempotency.Request:
    return request_of(caller, key, digest)


def _require_name(name: str) -> None:
    """Raises NotFound `staff_not_found` for what cannot be one."""
    if not _NAME.fullmatch(name):
        raise NotFound("staff_not_found")
