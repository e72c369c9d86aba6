"""Members of staff: added, listed, reset, removed."""

import re

from api.dependencies import Services
from api.idempotency import SecretAnswer, request_of, run_in_transaction, run_with_secrets
from api.replies import Reply
from api.schemas.staff import NewStaff, StaffAct
from domain.access import STAFF_NAME, Principal
from domain.errors import NotFound
from infra.db import idempotency
from infra.db.engine import Connection
from infra.db.staff import members
from infra.security import staff_accounts

_NAME = re.compile(STAFF_NAME)


async def list_members(services: Services) -> list[dict[str, object]]:
    """Everybody who may sign in or once could, the active ones first."""
    async with services.database.begin() as conn:
        return await members.everybody(conn)


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


def _request(caller: Principal, key: str, digest: bytes) -> idempotency.Request:
    return request_of(caller, key, digest)


def _require_name(name: str) -> None:
    """Raises NotFound `staff_not_found` for what cannot be one."""
    if not _NAME.fullmatch(name):
        raise NotFound("staff_not_found")
