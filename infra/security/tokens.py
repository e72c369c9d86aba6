"""Bearer tokens: JWT signed with HMAC-SHA-256. Algorithm and audience are fixed, whatever a token's header says."""

import secrets
import time
from dataclasses import dataclass
from functools import lru_cache

import jwt
from pydantic import SecretStr

from domain.access import Principal, Role

ALGORITHM = "HS256"
AUDIENCE = "oms"
MIN_SECRET_BYTES = 32
MAX_TOKEN_CHARS = 4096

_CODEC = jwt.PyJWT({"require": ["exp", "iat", "sub", "aud"]})


class TokenInvalid(Exception):
    """Not a token of ours: forged, malformed, another audience or algorithm, an unknown role."""


class TokenExpired(TokenInvalid):
    """Was a token of ours, its lifetime is over."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A token and its claims; times in seconds since 1970. `token_id` is its id in the database, for revocation."""

    token: str
    token_id: str
    role: Role
    subject: str
    issued_at: int
    expires_at: int


def issue(
    secret: str | SecretStr, role: Role | str, subject: str, lifetime_s: float, customer: str | None = None
) -> str:
    """A token for `subject` in `role`, valid for `lifetime_s` seconds from now.

    For the role customer, `customer` names the customer the token speaks for and takes the place of `subject`.
    """
    return make(
        secret, role, customer if customer is not None and Role(role) is Role.CUSTOMER else subject, lifetime_s
    ).token


def make(secret: str | SecretStr, role: Role | str, subject: str, lifetime_s: float) -> Issued:
    """A token with an id of its own. Who hands it to somebody registers it in the database.

    Raises ValueError on an unknown role, an empty subject, or a secret under 32 bytes.
    """
    role = Role(role)
    if not subject:
        raise ValueError("a token needs a subject")
    now = time.time()
    begin, end, token_id = int(now), int(now + lifetime_s), f"tok_{secrets.token_hex(12)}"
    claims = {"sub": subject, "role": role.value, "aud": AUDIENCE, "iat": begin, "exp": end, "jti": token_id}
    token = _CODEC.encode(claims, _key(secret), algorithm=ALGORITHM)
    return Issued(token, token_id, role, subject, begin, end)


def id_of(token: str) -> str | None:
    """The id that a token claims, unverified; None where it claims none or is no token."""
    try:
        claimed = jwt.decode(token, options={"verify_signature": False}).get("jti")
    except jwt.InvalidTokenError:
        return None
    return claimed if isinstance(claimed, str) else None


def verify(secret: str | SecretStr, token: str) -> Principal:
    """Who the bearer is, whether or not the token was revoked.

    Raises TokenExpired, TokenInvalid; ValueError on a secret under 32 bytes.
    """
    if len(token) > MAX_TOKEN_CHARS:
        raise TokenInvalid("too long")
    principal, expires_at = _decoded(_key(secret), token)
    if time.time() >= expires_at:
        raise TokenExpired("expired")
    return principal


@lru_cache(maxsize=4096)
def _decoded(key: bytes, token: str) -> tuple[Principal, float]:
    """Who, until when. A good signature stays good: only good tokens are remembered, the clock is asked each time."""
    try:
        claims = _CODEC.decode(token, key, algorithms=[ALGORITHM], audience=AUDIENCE)
        role, token_id = Role(str(claims.get("role"))), str(claims.get("jti", ""))
        return Principal(role=role, subject=claims["sub"], token_id=token_id), float(claims["exp"])
    except jwt.ExpiredSignatureError:
        raise TokenExpired("expired") from None
    except (jwt.InvalidTokenError, ValueError):
        # The cause may quote the token's claims, so it is dropped.
        raise TokenInvalid("not a token of ours") from None


def _key(secret: str | SecretStr) -> bytes:
    key = (secret.get_secret_value() if isinstance(secret, SecretStr) else secret).encode()
    if len(key) < MIN_SECRET_BYTES:
        raise ValueError(f"the token secret has at least {MIN_SECRET_BYTES} bytes")
    return key
