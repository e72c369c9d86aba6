"""The stack that runs in a data directory, as the commands find it."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil

from infra.stack.data_dir.layout import DEFAULT_DATA_DIR, Layout, write_json
from infra.stack.data_dir.secrets import load as load_secrets
from infra.stack.errors import NotRunningError, StackError
from infra.stack.program import command

# Where each is kept instead: no file that programs read has a key in it.
IN_SECRETS = {
    "OMS_TOKEN_SECRET": "token_secret",
    "OMS_MASTER_KEY": "master_key",
    "OMS_SANDBOX_WEBHOOK_SECRET": "sandbox_webhook_secret",
}


@dataclass(frozen=True)
class Running:
    """What the ready file says: addresses, tokens by role, process ids by name; times in seconds since 1970.

    environment holds the OMS_* settings of the stack's services, with its secrets: no ready file carries it.
    """

    api: str
    console: str
    portal: str
    temporal: str
    temporal_ui: str
    sandbox: str
    database_url: str
    tokens: dict[str, str]
    pids: dict[str, int]
    data_dir: str
    supervisor: dict[str, float]
    environment: dict[str, str] = field(default_factory=dict, repr=False)

    def public(self) -> dict[str, object]:
        """The content of a ready file."""
        content = asdict(self)
        del content["environment"]
        return content


def this_process() -> dict[str, float]:
    """Who supervises: a process id alone could be another's by now, with its start it is not."""
    return {"pid": os.getpid(), "started": psutil.Process().create_time()}


def _lives(supervisor: dict[str, float]) -> bool:
    try:
        process = psutil.Process(int(supervisor["pid"]))
        return process.create_time() == supervisor["started"] and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def load(data_dir: Path = DEFAULT_DATA_DIR) -> Running:
    """The stack in data_dir; raises NotRunningError when there is none or its supervisor is dead."""
    layout = Layout.at(data_dir)
    try:
        running = Running(**json.loads(layout.ready.read_text()))
        if _lives(running.supervisor):
            return running
    except (OSError, ValueError, TypeError, KeyError):
        pass
    raise NotRunningError(f"no stack is running in {layout.root}; start one with {command('up', data_dir)}")


def configure(data_dir: Path = DEFAULT_DATA_DIR) -> Running | None:
    """Sets this process's OMS_* environment from the stack in data_dir, before its settings are read.

    Where no stack runs and OMS_DATABASE_URL is set, as in a real deployment, the environment is left as it is and None
    returned; else raises NotRunningError.
    """
    try:
        running = load(data_dir)
    except NotRunningError:
        if os.environ.get("OMS_DATABASE_URL"):
            return None
        raise
    os.environ.update(environment_of(running))
    return running


def keep_environment(layout: Layout, environment: Mapping[str, str]) -> None:
    """Keeps the services' settings for the commands beside them; the secrets stay in the file that they are in."""
    public = {name: value for name, value in environment.items() if name not in IN_SECRETS}
    write_json(layout.environment, public)


def environment_of(running: Running) -> dict[str, str]:
    """The OMS_* settings of a stack's services, read as the user who started it. Raises NotRunningError."""
    layout = Layout.at(Path(running.data_dir))
    try:
        settings: dict[str, str] = json.loads(layout.environment.read_text())
    except (OSError, ValueError) as error:
        raise NotRunningError(f"{layout.environment} cannot be read ({error}); start the stack again") from error
    try:
        secrets = load_secrets(layout.secrets)
    except StackError as error:
        raise NotRunningError(str(error)) from error
    return {**settings, **{name: getattr(secrets, field) for name, field in IN_SECRETS.items()}}
