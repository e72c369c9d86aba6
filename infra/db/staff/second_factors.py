"""What a member of staff proves themselves with beside a password: an authenticator app, recovery codes, passkeys."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

CHALLENGE_S = 300
MOST_PASSKEYS = 10

_SET_TOTP = text(
    """
    UPDATE staff SET totp_enc = :totp_enc, totp_set = :totp_set, totp_step = :step
     WHERE name = :name AND active RETURNING name
    """
)
_SET_CODES = text("UPDATE staff SET recovery_codes = :codes WHERE name = :name AND active")
_USE_CODE = text(
    """
    UPDATE staff SET recovery_codes = array_remove(recovery_codes, :code)
     WHERE name = :name AND active AND :code = ANY(recovery_codes) RETURNING name
    """
)
_SIGNED_IN = text("UPDATE staff SET signed_in_at = now() WHERE name = :name")
_PASSKEYS = text(
    """
    SELECT passkey_id, label, credential_id, public_key, sign_count, created_at, used_at
      FROM staff_passkeys WHERE name = :name ORDER BY created_at, passkey_id
    """
)
_ADD_PASSKEY = text(
    """
    INSERT INTO staff_passkeys (passkey_id, name, label, credential_id, public_key, sign_count)
    SELECT :passkey_id, :name, :label, :credential_id, :public_key, :sign_count
     WHERE (SELECT count(*) FROM staff_passkeys WHERE name = :name) < :most
    ON CONFLICT (credential_id) DO NOTHING RETURNING passkey_id
    """
)
_USED_PASSKEY = text("UPDATE staff_passkeys SET sign_count = :count, used_at = now() WHERE passkey_id = :passkey_id")
_REMOVE_PASSKEY = text("DELETE FROM staff_passkeys WHERE name = :name AND passkey_id = :passkey_id RETURNING label")
_REMOVE_PASSKEYS = text("DELETE FROM staff_passkeys WHERE name = :name")
_SWEEP = text("DELETE FROM passkey_challenges WHERE expires_at < now()")
_OPEN = text(
    """
    INSERT INTO passkey_challenges (challenge_hash, purpose, name, expires_at)
    VALUES (:hash, :purpose, :name, now() + make_interval(secs => :lifetime_s))
    """
)
_SPEND = text(
    """
    DELETE FROM passkey_challenges
     WHERE challenge_hash = :hash AND purpose = :purpose AND expires_at > now() RETURNING name
    """
)


@dataclass(frozen=True, slots=True)
class Passkey:
    """A passkey or security key: its public half, and when it was used."""

    passkey_id: str
    label: str
    credential_id: bytes
    public_key: bytes
    sign_count: int
    created_at: datetime
    used_at: datetime | None


async def set_totp(conn: AsyncConnection, name: str, totp_enc: bytes, *, in_use: bool, step: int = 0) -> bool:
    """Another secret of the authenticator app; `in_use` is False for one that nobody knows. `step` is spent already."""
    row = {"name": name, "totp_enc": totp_enc, "totp_set": in_use, "step": step}
    return (await conn.execute(_SET_TOTP, row)).scalar_one_or_none() is not None


async def set_recovery_codes(conn: AsyncConnection, name: str, hashes: Sequence[bytes]) -> None:
    """Other recovery codes, as hashes; the earlier ones open nothing any more."""
    await conn.execute(_SET_CODES, {"name": name, "codes": list(hashes)})


async def use_recovery_code(conn: AsyncConnection, name: str, code: bytes) -> bool:
    """Spend a recovery code; False for one that is none, or was used."""
    if (await conn.execute(_USE_CODE, {"name": name, "code": code})).scalar_one_or_none() is None:
        return False
    await conn.execute(_SIGNED_IN, {"name": name})
    return True


async def passkeys_of(conn: AsyncConnection, name: str) -> list[Passkey]:
    """The passkeys of a member of staff, the oldest first."""
    return [Passkey(**row._mapping) for row in await conn.execute(_PASSKEYS, {"name": name})]


async def add_passkey(conn: AsyncConnection, name: str, label: str, key: tuple[bytes, bytes, int]) -> bool:
    """Keep a passkey (credential id, public key, count); False where it is known, or there are too many."""
    credential_id, public_key, count = key
    row = {
        "passkey_id": f"pk_{secrets.token_hex(16)}",
        "name": name,
        "label": label,
        "credential_id": credential_id,
        "public_key": public_key,
        "sign_count": count,
        "most": MOST_PASSKEYS,
    }
    return (await conn.execute(_ADD_PASSKEY, row)).scalar_one_or_none() is not None


async def use_passkey(conn: AsyncConnection, name: str, passkey_id: str, count: int) -> None:
    """Note that a member of staff signed in with it."""
    await conn.execute(_USED_PASSKEY, {"passkey_id": passkey_id, "count": count})
    await conn.execute(_SIGNED_IN, {"name": name})


async def remove_passkey(conn: AsyncConnection, name: str, passkey_id: str) -> bool:
    """Delete one passkey; False where this member has no such one."""
    row = {"name": name, "passkey_id": passkey_id}
    return (await conn.execute(_REMOVE_PASSKEY, row)).scalar_one_or_none() is not None


async def remove_all(conn: AsyncConnection, name: str) -> None:
    """Delete every passkey and recovery code of a member."""
    await conn.execute(_REMOVE_PASSKEYS, {"name": name})
    await conn.execute(_SET_CODES, {"name": name, "codes": []})


async def open_challenge(conn: AsyncConnection, purpose: Literal["register", "sign_in"], name: str) -> bytes:
    """A random challenge, which one answer spends within CHALLENGE_S."""
    challenge = secrets.token_bytes(32)
    await conn.execute(_SWEEP)
    row = {"hash": _hash(challenge), "purpose": purpose, "name": name, "lifetime_s": float(CHALLENGE_S)}
    await conn.execute(_OPEN, row)
    return challenge


async def spend(conn: AsyncConnection, purpose: Literal["register", "sign_in"], challenge: bytes) -> str | None:
    """Whose challenge it was; None for one that is spent, too old or nobody's."""
    name: str | None = (await conn.execute(_SPEND, {"hash": _hash(challenge), "purpose": purpose})).scalar_one_or_none()
    return name


def _hash(challenge: bytes) -> bytes:
    return hashlib.sha256(challenge).digest()
