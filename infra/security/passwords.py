"""Passwords by argon2id and one-time codes by RFC 6238: what staff prove themselves with."""

import secrets
import threading
import time

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

ISSUER = "Order console"
STEP_S = 30
MIN_PASSWORD_CHARS = 12
MAX_PASSWORD_CHARS = 200
_HASHER = PasswordHasher()  # RFC 9106's second recommended option: 64 MiB, three passes
# Each takes 64 MiB while it is computed: however many people sign in at once, a process needs no more than twice that.
_ROOM = threading.BoundedSemaphore(2)
# The hash of a random word that nobody knows, with the parameters above: to compute one delays every start.
_NOBODYS = "$argon2id$v=19$m=65536,t=3,p=4$zpS0oNWr5wvpHwuFGPxYEw$lrajg6Dgsul5DcS8EAkohpsi4mQlf7VJRjLG5vlzNbE"


def hashed(password: str) -> str:
    """An argon2id hash with its parameters inside. Takes tens of milliseconds of processor time."""
    with _ROOM:
        return _HASHER.hash(password)


def matches(password_hash: str | None, password: str) -> bool:
    """Whether the password is the one; None for nobody's costs as much time and is never true."""
    try:
        with _ROOM:
            right = _HASHER.verify(password_hash or _NOBODYS, password)
    except (VerificationError, InvalidHashError):
        return False
    return right and password_hash is not None


def new_password() -> str:
    """A first password: 20 letters and digits in groups, to be typed from paper."""
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(alphabet) for _ in range(5)) for _ in range(4))


def new_recovery_codes() -> list[str]:
    """Ten codes of 50 random bits each, one for each time that the second factor is lost."""
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    return ["-".join("".join(secrets.choice(alphabet) for _ in range(5)) for _ in range(2)) for _ in range(10)]


def recovery_code(typed: str) -> str | None:
    """A recovery code as it was given, however it is typed; None for what cannot be one."""
    plain = typed.strip().lower().replace("-", "").replace(" ", "")
    return f"{plain[:5]}-{plain[5:]}" if len(plain) == 10 and plain.isascii() and plain.isalnum() else None


def new_secret() -> str:
    """A second factor's secret: 160 random bits in base32."""
    return pyotp.random_base32()


def address(secret: str, name: str) -> str:
    """The otpauth address that an authenticator app scans."""
    return pyotp.TOTP(secret, interval=STEP_S).provisioning_uri(name=name, issuer_name=ISSUER)


def step_of(secret: str, code: str, now: float | None = None) -> int | None:
    """The time step whose code this is, one step of clock difference allowed either way; None for a wrong code."""
    totp, current = pyotp.TOTP(secret, interval=STEP_S), int((time.time() if now is None else now) // STEP_S)
    for step in (current, current - 1, current + 1):
        if secrets.compare_digest(totp.generate_otp(step).encode(), code.strip().encode()):
            return step
    return None
