"""Bearer tokens: JWT signed with HMAC-SHA-256. Algorithm and audience are fixed, whatever a token's header says."""

import time
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


def issue(
    secret: str | SecretStr, role: Role | str, subject: str, lifetime_s: float, customer: str | None = None
) -> str:
    """A token for `subject` in `role`, valid for `lifetime_s` seconds from now.

    For the role customer, `customer` names the customer the token speaks for and takes the place of `subject`.
    Raises ValueError on an unknown role, an empty subject, or a secret under 32 bytes.
    """
    role = Role(role)
    named = customer if customer is not None and role is Role.CUSTOMER else subject
    if not named:
        raise ValueError("a token needs a subject")
    now = time.time()
    claims = {"sub": named, "role": role.value, "aud": AUDIENCE, "iat": int(now), "exp": int(now + lifetime_s)}
    return _CODEC.encode(claims, _key(secret), algorithm=ALGORITHM)


def verify(secret: str | SecretStr, token: str) -> Principal:
    """Who the bearer is. Raises TokenExpired, TokenInvalid; ValueError on a secret under 32 bytes."""
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
        return Principal(role=Role(str(claims.get("role"))), subject=claims["sub"]), float(claims["exp"])
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
