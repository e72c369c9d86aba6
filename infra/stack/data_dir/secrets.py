"""The secrets of one data directory, made once."""

import base64
import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from infra.stack.data_dir.layout import Layout, write_json
from infra.stack.errors import StackError


@dataclass(frozen=True)
class Secrets:
    """token_secret signs bearer tokens; master_key is 32 bytes in base64; the webhook secret is whsec_ and base64."""

    token_secret: str
    master_key: str
    sandbox_webhook_secret: str
    owner_password: str
    app_password: str


def _fresh() -> Secrets:
    return Secrets(
        token_secret=secrets.token_urlsafe(48),
        master_key=base64.b64encode(secrets.token_bytes(32)).decode(),
        sandbox_webhook_secret="whsec_" + base64.b64encode(secrets.token_bytes(24)).decode(),
        owner_password=secrets.token_urlsafe(24),
        app_password=secrets.token_urlsafe(24),
    )


def require_complete(layout: Layout) -> None:
    """Raises StackError where there is data without its secrets: new ones would open nothing of it. Writes nothing.

    The data is looked for first: a stack that begins at the same moment makes its secrets before any data.
    """
    if layout.has_data and not layout.secrets.exists():
        raise StackError(
            f"{layout.secrets} is missing, and {layout.root} has data that only its keys and passwords open: put the "
            "file back from a copy, or choose another --data-dir; nothing was changed"
        )


def load_or_make(file: Path) -> Secrets:
    """Reads the secrets, or makes them when the file is not there; raises StackError when it cannot be understood.

    Never replaces a file that exists: without its master key the personal data in the database could not be read again.
    """
    if not file.exists():
        made = _fresh()
        write_json(file, asdict(made))
        return made
    return load(file)


def load(file: Path) -> Secrets:
    """Reads the secrets; raises StackError when the file is missing or cannot be understood."""
    try:
        return Secrets(**json.loads(file.read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise StackError(
            f"{file} cannot be read ({error}); it holds the keys to this data directory, restore it from a copy"
        ) from error
