"""Members of staff, and the attempts to sign in."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.access import Role
from domain.errors import Conflict, NotFound

_FIND = text("SELECT name, role, password_hash, data_key, totp_enc, totp_set FROM staff WHERE name = :name AND active")
_HOLD = text(
    "SELECT name, role, password_hash, data_key, totp_enc, totp_set FROM staff WHERE name = :name AND active FOR UPDATE"
)
_USE = text(
    """
    UPDATE staff SET totp_step = :step, signed_in_at = now()
     WHERE name = :name AND active AND totp_step < :step RETURNING name
    """
)
_ADD = text(
    """
    INSERT INTO staff (name, role, password_hash, data_key, totp_enc)
    VALUES (:name, :role, :password_hash, :data_key, :totp_enc) ON CONFLICT (name) DO NOTHING RETURNING name
    """
)
_RESET = text(
    """
    UPDATE staff SET password_hash = :password_hash, data_key = :data_key, totp_enc = :totp_enc, totp_step = 0,
           totp_set = true
     WHERE name = :name AND active RETURNING name
    """
)
_REMOVE = text("UPDATE staff SET active = false WHERE name = :name AND active RETURNING name")
_ADMINS = text("SELECT name FROM staff WHERE active AND role = 'admin' ORDER BY name FOR UPDATE")
_SHOWN = """
    SELECT name, role, active, created_at, signed_in_at, totp_set,
           cardinality(recovery_codes) AS recovery_codes_left,
           (SELECT count(*) FROM staff_passkeys k WHERE k.name = s.name) AS passkeys,
           (SELECT count(*) FROM staff_sessions o WHERE o.name = s.name AND o.expires_at > now()) AS sessions
      FROM staff s
    """
_ALL = text(f"{_SHOWN} ORDER BY active DESC, name")
_ONE = text(f"{_SHOWN} WHERE name = :name")
_PASSWORD = text("UPDATE staff SET password_hash = :password_hash WHERE name = :name AND active RETURNING name")
_ROLE = text("SELECT change_staff_role(:name, :role)")
_REACTIVATE = text("UPDATE staff SET active = true WHERE name = :name AND NOT active RETURNING name")
_EVEN_LAST = text("SELECT set_config('oms.even_last_admin', 'on', true)")


@dataclass(frozen=True, slots=True)
class Known:
    """A member of staff with the credentials that prove it."""

    name: str
    role: Role
    password_hash: str
    data_key: bytes
    totp_enc: bytes
    totp_set: bool


@dataclass(frozen=True, slots=True)
class Member:
    """Who may sign in or once could, with which second factors."""

    name: str
    role: Role
    active: bool
    created_at: datetime
    signed_in_at: datetime | None
    totp_set: bool
    passkeys: int
    recovery_codes_left: int
    sessions: int


@dataclass(frozen=True, slots=True)
class Secrets:
    """What a member of staff is given: a hash, and a second factor sealed under a wrapped key of its own."""

    password_hash: str
    data_key: bytes
    totp_enc: bytes


def totp_context(name: str) -> str:
    """What a second factor is sealed for."""
    return f"staff:{name}:totp"


async def find(conn: AsyncConnection, name: str) -> Known | None:
    """An active member of staff, or None."""
    row = (await conn.execute(_FIND, {"name": name})).one_or_none()
    return None if row is None else Known(**{**row._mapping, "role": Role(row.role)})


async def hold(conn: AsyncConnection, name: str) -> Known | None:
    """The same, held as it is to the end of the transaction."""
    row = (await conn.execute(_HOLD, {"name": name})).one_or_none()
    return None if row is None else Known(**{**row._mapping, "role": Role(row.role)})


async def use_code(conn: AsyncConnection, name: str, step: int) -> bool:
    """Spend the code of a time step; False when it, or a later one, was spent before."""
    return (await conn.execute(_USE, {"name": name, "step": step})).scalar_one_or_none() is not None


async def add(conn: AsyncConnection, name: str, role: str, secrets: Secrets) -> None:
    """A new member of staff. Raises Conflict `staff_exists`."""
    if (await conn.execute(_ADD, {"name": name, "role": role, **_row(secrets)})).scalar_one_or_none() is None:
        raise Conflict("staff_exists", f"there is a {name} already, or was one: names are not given twice")


async def reset(conn: AsyncConnection, name: str, secrets: Secrets) -> None:
    """Another password and second factor. Raises NotFound `staff_not_found`."""
    if (await conn.execute(_RESET, {"name": name, **_row(secrets)})).scalar_one_or_none() is None:
        raise _unknown(name)


async def remove(conn: AsyncConnection, name: str) -> None:
    """Let nobody sign in under this name any more; past actions keep the name. Raises NotFound `staff_not_found`."""
    if (await conn.execute(_REMOVE, {"name": name})).scalar_one_or_none() is None:
        raise _unknown(name)


async def admins(conn: AsyncConnection) -> list[str]:
    """The admins who may sign in, held as they are to the end of the transaction: two leave one after the other."""
    return list((await conn.execute(_ADMINS)).scalars())


async def allow_no_admin(conn: AsyncConnection) -> None:
    """In this transaction, the last admin may be removed."""
    await conn.execute(_EVEN_LAST)


async def set_password(conn: AsyncConnection, name: str, password_hash: str) -> None:
    """Another password alone. Raises NotFound `staff_not_found`."""
    if (await conn.execute(_PASSWORD, {"name": name, "password_hash": password_hash})).scalar_one_or_none() is None:
        raise _unknown(name)


async def change_role(conn: AsyncConnection, name: str, role: str) -> None:
    """Another role, by an admin who is somebody else. Raises NotFound `staff_not_found`."""
    if not (await conn.execute(_ROLE, {"name": name, "role": role})).scalar_one():
        raise _unknown(name)


async def reactivate(conn: AsyncConnection, name: str) -> None:
    """Let somebody sign in again. Raises NotFound `staff_not_found`."""
    if (await conn.execute(_REACTIVATE, {"name": name})).scalar_one_or_none() is None:
        raise NotFound("staff_not_found", f"no deactivated member of staff is called {name}")


async def everybody(conn: AsyncConnection) -> list[Member]:
    """All members, the active ones first."""
    return [_member(row) for row in (await conn.execute(_ALL)).mappings()]


async def shown(conn: AsyncConnection, name: str) -> Member | None:
    """One member."""
    row = (await conn.execute(_ONE, {"name": name})).mappings().one_or_none()
    return _member(row) if row else None


def _member(row: RowMapping) -> Member:
    return Member(**{**row, "role": Role(row["role"])})


def _row(secrets: Secrets) -> dict[str, object]:
    return {
        "password_hash": secrets.password_hash,
        "data_key": secrets.data_key,
        "totp_enc": secrets.totp_enc,
    }


def _unknown(name: str) -> NotFound:
    return NotFound("staff_not_found", f"no active member of staff is called {name}")
