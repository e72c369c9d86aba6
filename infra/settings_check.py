"""What is wrong with the settings of a process, for the person who starts it: one problem a line.

Each names the variable and says what to do. Values of secrets and of addresses that may hold a password are not shown.
"""

import base64
import binascii
import difflib
import importlib.util
import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pydantic import SecretStr, ValidationError
from pydantic_core import ErrorDetails

from infra.sandbox.config import NAMES as SANDBOX_NAMES
from infra.security.crypto import KEY_BYTES
from infra.security.tokens import MIN_SECRET_BYTES
from infra.settings import Settings

PREFIX = "OMS_"
# Read elsewhere than in Settings: by `oms up`, by commands that call the API, by the test command.
OTHERS = ("OMS_DATA_DIR", "OMS_SERVICE", "OMS_API_URL", "OMS_API_TOKEN", "OMS_TORTURE")
MAKE_TOKEN_SECRET, MAKE_MASTER_KEY = "openssl rand -base64 48", "openssl rand -base64 32"
_HOST_AND_PORT = re.compile(r"^(\[[0-9A-Fa-f:.]+\]|[^\s:/@]+):\d{1,5}$")


class Need(Enum):
    """What a process cannot do without."""

    DATABASE = auto()
    OWNER = auto()
    TOKENS = auto()
    VAULT = auto()
    PAYMENTS = auto()
    CARRIERS = auto()
    MESSAGES = auto()


PROVIDERS = (Need.PAYMENTS, Need.CARRIERS, Need.MESSAGES)
NEEDS: Mapping[str, tuple[Need, ...]] = {
    "api": (Need.DATABASE, Need.TOKENS, Need.VAULT, *PROVIDERS),
    "worker": (Need.DATABASE, Need.VAULT, *PROVIDERS),
    "relay": (Need.DATABASE, Need.VAULT, Need.MESSAGES),
    "migrate": (Need.OWNER,),
    "staff": (Need.DATABASE, Need.VAULT),
    "token": (Need.DATABASE, Need.TOKENS),
    "books": (Need.DATABASE,),
    "doctor": (),
    "temporal": (),
    "up": PROVIDERS,
}


@dataclass(frozen=True)
class Problem:
    """One line for a person."""

    variable: str
    words: str

    def __str__(self) -> str:
        return f"{self.variable}: {self.words}"


def problems(needs: Collection[Need], given: Collection[str] = ()) -> list[Problem]:
    """Everything that is wrong with this process's environment; `given` are variables that the caller itself sets."""
    malformed: dict[str, Problem] = {}
    try:
        read = Settings()
    except ValidationError as error:
        malformed = {str(each["loc"][0]): _malformed(each) for each in error.errors()}
        # the rest is judged all the same, so that a person corrects everything at once
        read = Settings(**{name: Settings.model_fields[name].default for name in malformed})
    later = [problem for rule in _RULES for problem in rule(read, needs)]
    known = {problem.variable for problem in malformed.values()} | set(given)
    return [*malformed.values(), *(problem for problem in later if problem.variable not in known)]


def unknown(environment: Mapping[str, str] = os.environ) -> list[str]:
    """A line for each OMS_ variable that nothing reads, with the nearest one that something does."""
    names = known_names()
    lines = []
    for name in sorted(name for name in environment if name.startswith(PREFIX) and name not in names):
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.75)
        advice = f"did you mean {near[0]}?" if near else "docs/settings.md lists them"
        lines.append(f"warning: {name} is not a setting and is ignored; {advice}")
    return lines


def known_names() -> set[str]:
    """Every OMS_ variable that something reads."""
    settings = {variable(name) for name in Settings.model_fields}
    return settings | {f"OMS_SANDBOX_{name}" for name in SANDBOX_NAMES} | set(OTHERS)


def variable(name: str) -> str:
    """The environment variable of a field of Settings."""
    return f"{PREFIX}{name.upper()}"


_WORDS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "int_parsing": lambda _: "must be a whole number",
    "int_from_float": lambda _: "must be a whole number",
    "float_parsing": lambda _: "must be a number",
    "bool_parsing": lambda _: "must be true or false",
    "greater_than_equal": lambda context: f"must be at least {context['ge']}",
    "greater_than": lambda context: f"must be more than {context['gt']}",
    "less_than_equal": lambda context: f"must be at most {context['le']}",
    "literal_error": lambda context: f"must be {context['expected']}",
    "value_error": lambda context: str(context["error"]),
}


def _malformed(error: ErrorDetails) -> Problem:
    name = str(error["loc"][0])
    wording = _WORDS.get(error["type"])
    words = wording(error.get("ctx", {})) if wording else error["msg"].lower()
    secret = "SecretStr" in str(Settings.model_fields[name].annotation)
    given = "" if secret else f"{error['input']!r} does not do; "
    return Problem(variable(name), f"{given}it {words}")


def _databases(read: Settings, needs: Collection[Need]) -> Iterator[Problem]:
    if Need.OWNER in needs and not read.owner_database_url:
        words = "not set; migrations are made by the database's owner: postgresql://OWNER:PASSWORD@HOST:5432/NAME"
        yield Problem("OMS_OWNER_DATABASE_URL", words)
    for name in ("database_url", "owner_database_url"):
        value = getattr(read, name)
        if (value or (name == "database_url" and Need.DATABASE in needs)) and not _is_database(value):
            yield Problem(variable(name), "must have the form postgresql://USER:PASSWORD@HOST:PORT/NAME")


def _addresses(read: Settings, _: Collection[Need]) -> Iterator[Problem]:
    if not _HOST_AND_PORT.match(read.temporal_address):
        words = f"{read.temporal_address!r} does not do; it must be HOST:PORT, such as 127.0.0.1:7233"
        yield Problem("OMS_TEMPORAL_ADDRESS", words)
    names = ("temporal_ui_url", "portal_url", "console_url", "sandbox_url", "stripe_api_base", "ups_server_url")
    for name in (*names, "otlp_endpoint"):
        if getattr(read, name) and not _is_http(getattr(read, name)):
            yield Problem(variable(name), "must begin with http:// or https:// and name a host")


def _keys(read: Settings, needs: Collection[Need]) -> Iterator[Problem]:
    if Need.TOKENS in needs and (size := len(_text(read.token_secret).encode())) < MIN_SECRET_BYTES:
        problem = f"has {size} bytes, {MIN_SECRET_BYTES} are needed" if size else "not set"
        yield Problem("OMS_TOKEN_SECRET", f"{problem}; make one with: {MAKE_TOKEN_SECRET}")
    if Need.VAULT not in needs:
        return
    if not _text(read.master_key):
        yield Problem("OMS_MASTER_KEY", f"not set; make one with: {MAKE_MASTER_KEY} (without it no name can be read)")
    elif not _is_key(read.master_key):
        words = f"must be {KEY_BYTES} bytes in base64, as this makes them: {MAKE_MASTER_KEY}"
        yield Problem("OMS_MASTER_KEY", words)
    if not all(_is_key(key) for key in read.previous_master_keys):
        words = f"must be a JSON list of keys, each {KEY_BYTES} bytes in base64"
        yield Problem("OMS_PREVIOUS_MASTER_KEYS", words)


def _sandbox(read: Settings, needs: Collection[Need]) -> Iterator[Problem]:
    pays = Need.PAYMENTS in needs and read.payment_provider == "sandbox"
    carries = Need.CARRIERS in needs and read.carrier == "sandbox"
    sends = Need.MESSAGES in needs and "sandbox" in (read.email_provider, read.sms_provider)
    if (pays or carries or sends) and not read.sandbox_url:
        yield Problem("OMS_SANDBOX_URL", "not set; name the sandbox's address, or choose other providers")
    secret = _text(read.sandbox_webhook_secret)
    if (pays or carries) and not secret:
        words = (
            "not set; the sandbox signs its webhooks with the same: whsec_ and the output of openssl rand -base64 24"
        )
        yield Problem("OMS_SANDBOX_WEBHOOK_SECRET", words)
    elif secret and not is_webhook_secret(secret):
        yield Problem("OMS_SANDBOX_WEBHOOK_SECRET", "must be whsec_ followed by base64 (openssl rand -base64 24)")


def _stripe(read: Settings, needs: Collection[Need]) -> Iterator[Problem]:
    if Need.PAYMENTS not in needs:
        return
    key, secret = _text(read.stripe_api_key), _text(read.stripe_webhook_secret)
    chosen = read.payment_provider == "stripe"
    if (chosen or secret) and not key:
        why = "OMS_PAYMENT_PROVIDER is stripe" if chosen else "OMS_STRIPE_WEBHOOK_SECRET is"
        yield Problem("OMS_STRIPE_API_KEY", f"not set, but {why}; take the secret key from Stripe's dashboard")
    if (chosen or key) and not secret:
        words = "not set, so that no notification of Stripe's could be believed; it stands beside the webhook endpoint"
        yield Problem("OMS_STRIPE_WEBHOOK_SECRET", f"{words} in Stripe's dashboard")


def _ups(read: Settings, needs: Collection[Need]) -> Iterator[Problem]:
    parts = {
        "OMS_UPS_CLIENT_ID": read.ups_client_id,
        "OMS_UPS_CLIENT_SECRET": _text(read.ups_client_secret),
        "OMS_UPS_ACCOUNT_NUMBER": read.ups_account_number,
        "OMS_UPS_WEBHOOK_SECRET": _text(read.ups_webhook_secret),
    }
    if Need.CARRIERS not in needs or (read.carrier != "ups" and not any(parts.values())):
        return
    for name, value in parts.items():
        if not value:
            yield Problem(name, "not set; UPS needs " + ", ".join(parts))
    if importlib.util.find_spec("karrio") is None:
        yield Problem(
            "OMS_UPS_CLIENT_ID", "UPS needs an extra that is not installed: pip install 'durable-oms[carriers]'"
        )


def _smtp(read: Settings, needs: Collection[Need]) -> Iterator[Problem]:
    if Need.MESSAGES not in needs:
        return
    chosen = read.email_provider == "smtp"
    if (chosen or read.smtp_from) and not read.smtp_host:
        why = "OMS_EMAIL_PROVIDER is smtp" if chosen else "OMS_SMTP_FROM is"
        yield Problem("OMS_SMTP_HOST", f"not set, but {why}; name the mail server")
    if (chosen or read.smtp_host) and not read.smtp_from:
        yield Problem("OMS_SMTP_FROM", "not set; name the sender's address of e-mails")
    if read.smtp_user and not _text(read.smtp_password):
        yield Problem("OMS_SMTP_PASSWORD", "not set, but OMS_SMTP_USER is; set both or neither")
    if _text(read.smtp_password) and not read.smtp_user:
        yield Problem("OMS_SMTP_USER", "not set, but OMS_SMTP_PASSWORD is; set both or neither")


_RULES = (_databases, _addresses, _keys, _sandbox, _stripe, _ups, _smtp)


def is_webhook_secret(secret: str) -> bool:
    """`whsec_` and base64, as Standard Webhooks wants it."""
    return secret.startswith("whsec_") and bool(_decoded(secret.removeprefix("whsec_")))


def _text(secret: SecretStr) -> str:
    return secret.get_secret_value()


def _is_key(secret: SecretStr) -> bool:
    return len(_decoded(_text(secret))) == KEY_BYTES


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _is_database(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = parts.hostname or parse_qs(parts.query).get("host")
        return parts.scheme == "postgresql" and bool(host) and parts.port != 0 and len(parts.path) > 1
    except ValueError:
        return False
