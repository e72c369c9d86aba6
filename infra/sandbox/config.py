"""What the sandbox process is told by its environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self


class ConfigError(ValueError):
    """A variable is missing or makes no sense; the message names it."""


@dataclass(frozen=True)
class SandboxConfig:
    """`webhook_url` empty keeps webhooks in the ledger until a later start knows where to send them."""

    directory: Path
    host: str = "127.0.0.1"
    port: int = 8010
    webhook_url: str = ""
    webhook_secret: str = ""
    manual_carrier: bool = False
    carrier_step_s: float = 0.3
    quiet_transit: bool = False
    pending_s: float = 1.0
    slow_s: float = 2.0

    @classmethod
    def from_env(cls, env: Mapping[str, str] = os.environ) -> Self:
        """Read `OMS_SANDBOX_*`. Raises ConfigError."""
        url, secret = _text(env, "WEBHOOK_URL"), _text(env, "WEBHOOK_SECRET")
        if url and not secret:
            raise ConfigError("OMS_SANDBOX_WEBHOOK_SECRET is needed with OMS_SANDBOX_WEBHOOK_URL")
        if not (directory := _text(env, "DIR")):
            raise ConfigError("OMS_SANDBOX_DIR is not set")
        return cls(
            directory=Path(directory),
            host=_text(env, "HOST", cls.host),
            port=int(_number(env, "PORT", cls.port)),
            webhook_url=url,
            webhook_secret=secret,
            manual_carrier=_flag(env, "MANUAL_CARRIER"),
            carrier_step_s=_number(env, "CARRIER_STEP_S", cls.carrier_step_s),
            quiet_transit=_flag(env, "QUIET_TRANSIT"),
            pending_s=_number(env, "PENDING_S", cls.pending_s),
            slow_s=_number(env, "SLOW_S", cls.slow_s),
        )


def _text(env: Mapping[str, str], name: str, default: str = "") -> str:
    return env.get(f"OMS_SANDBOX_{name}", "").strip() or default


def _flag(env: Mapping[str, str], name: str) -> bool:
    return _text(env, name).lower() in {"1", "true", "yes", "on"}


def _number(env: Mapping[str, str], name: str, default: float) -> float:
    text = _text(env, name, str(default))
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise ConfigError(f"OMS_SANDBOX_{name} must be a number that is not negative")
    return value
