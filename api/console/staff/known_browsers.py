"""Browsers in which a member of staff signed in before: their attempts to sign in are counted apart.

Somebody who types wrong passwords under a member's name is delayed, and the member is not. The cookie proves
no more than that and signs nobody in (OWASP, "Slow down online guessing attacks with device cookies").
"""

import hashlib
import hmac
import secrets
import time

from pydantic import SecretStr

COOKIE = "oms_device"
LIFETIME_S = 90 * 86_400


def new(secret: SecretStr, name: str) -> str:
    """A cookie for the browser in which `name` has just signed in."""
    marked = f"{int(time.time())}.{secrets.token_hex(16)}"
    return f"{marked}.{_proof(secret, name, marked)}"


def known(secret: SecretStr, name: str, cookie: str) -> str | None:
    """The cookie, when it is one of `name` and no older than LIFETIME_S."""
    marked, _, proof = cookie.rpartition(".")
    made_at = marked.partition(".")[0]
    if not hmac.compare_digest(proof.encode(), _proof(secret, name, marked).encode()):
        return None
    return cookie if int(made_at) > time.time() - LIFETIME_S else None


def _proof(secret: SecretStr, name: str, marked: str) -> str:
    about = f"device\n{name}\n{marked}".encode()
    return hmac.new(secret.get_secret_value().encode(), about, hashlib.sha256).hexdigest()
