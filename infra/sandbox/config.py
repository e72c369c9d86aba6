"""The environment of the sandbox process."""

import base64
import binascii
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

# Each after OMS_SANDBOX_
NAMES = (
    "DIR",
    "HOST",
    "KNOWN_HOSTS",
    "PORT",
    "WEBHOOK_URL",
    "WEBHOOK_SECRET",
    "MANUAL_CARRIER",
    "CARRIER_STEP_S",
    "QUIET_TRANSIT",
    "PENDING_S",
    "SLOW_S",
    "SF_CHECKWORD",
    "KUAIDI100_KEY",
)
MAX_PORT = 65_535


class ConfigError(ValueError):
    """Variables are missing or make no sense; the message has a line for each."""


@dataclass(frozen=True)
class SandboxConfig:
    """`known_hosts` are names under which programs call it beside the loopback ones. `webhook_url` empty keeps webhooks
    in the ledger until a later start knows where to send them."""

    directory: Path
    host: str = "127.0.0.1"
    known_hosts: tuple[str, ...] = ()
    port: int = 8010
    webhook_url: str = ""
    webhook_secret: str = ""
    manual_carrier: bool = False
    carrier_step_s: float = 0.3
    quiet_transit: bool = False
    pending_s: float = 1.0
    slow_s: float = 2.0
    sf_checkword: str = "sandbox-checkword"
    kuaidi100_key: str = "sandbox-key"

    @classmethod
    def from_env(cls, env: Mapping[str, str] = os.environ) -> Self:
        """Read `OMS_SANDBOX_*`. Raises ConfigError."""
        wrong = _problems(env)
        if wrong:
            raise ConfigError("\n".join(f"OMS_SANDBOX_{line}" for line in wrong))
        return cls(
            directory=Path(_text(env, "DIR")),
            host=_text(env, "HOST", cls.host),
            known_hosts=tuple(name.strip() for name in _text(env, "KNOWN_HOSTS").split(",") if name.strip()),
            port=int(_number(env, "PORT", cls.port)),
            webhook_url=_text(env, "WEBHOOK_URL"),
            webhook_secret=_text(env, "WEBHOOK_SECRET"),
            manual_carrier=_flag(env, "MANUAL_CARRIER"),
            carrier_step_s=_number(env, "CARRIER_STEP_S", cls.carrier_step_s),
            quiet_transit=_flag(env, "QUIET_TRANSIT"),
            pending_s=_number(env, "PENDING_S", cls.pending_s),
            slow_s=_number(env, "SLOW_S", cls.slow_s),
            sf_checkword=_text(env, "SF_CHECKWORD", cls.sf_checkword),
            kuaidi100_key=_text(env, "KUAIDI100_KEY", cls.kuaidi100_key),
        )


def _problems(env: Mapping[str, str]) -> list[str]:
    """A line for each variable that is missing or makes no sense."""
    wrong = [] if _text(env, "DIR") else ["DIR: not set; name the directory of the sandbox's ledger"]
    url, secret = _text(env, "WEBHOOK_URL"), _text(env, "WEBHOOK_SECRET")
    if url and not url.startswith(("http://", "https://")):
        wrong.append("WEBHOOK_URL: must begin with http:// or https://")
    if url and not secret:
        wrong.append("WEBHOOK_SECRET: not set, but OMS_SANDBOX_WEBHOOK_URL is; the API knows the same secret")
    if secret and not _is_secret(secret):
        wrong.append("WEBHOOK_SECRET: must be whsec_ followed by base64 (openssl rand -base64 24)")
    if not _number(env, "PORT", 0) <= MAX_PORT or _number(env, "PORT", 0) % 1:
        wrong.append(f"PORT: must be a whole number from 0 to {MAX_PORT}")
    for name in ("CARRIER_STEP_S", "PENDING_S", "SLOW_S"):
        if not 0 <= _number(env, name, 0) < math.inf:
            wrong.append(f"{name}: must be a number that is not negative")
    return wrong


def _text(env: Mapping[str, str], name: str, default: str = "") -> str:
    return env.get(f"OMS_SANDBOX_{name}", "").strip() or default


def _flag(env: Mapping[str, str], name: str) -> bool:
    return _text(env, name).lower() in {"1", "true", "yes", "on"}


def _number(env: Mapping[str, str], name: str, default: float) -> float:
    """What is typed, infinity where it is no number."""
    try:
        value = float(_text(env, name, str(default)))
    except ValueError:
        return math.inf
    return math.inf if math.isnan(value) or value < 0 else value


def _is_secret(secret: str) -> bool:
    try:
        return bool(base64.b64decode(secret.removeprefix("whsec_"), validate=True))
    except (binascii.Error, ValueError):
        return False
