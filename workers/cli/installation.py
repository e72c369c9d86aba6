"""The installation that a command calls: by address and token, or the stack in a data directory."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

import typer
from rich.console import Console

from domain.access import Role
from infra.stack import running
from infra.stack.data_dir.layout import DEFAULT_DATA_DIR
from infra.stack.errors import NotRunningError
from infra.stack.program import command
from workers.cli.api_client import ApiClient, ApiError

FAILED = 1
console, errors = Console(soft_wrap=True), Console(stderr=True, soft_wrap=True)


@dataclass(frozen=True, slots=True)
class Installation:
    """The address of its API, and a token."""

    api: str
    token: str


def chosen(api: str | None, token: str | None, data_dir: Path, role: Role) -> Installation:
    """What the options name; a stack of one's own has a token for each role. Raises BadParameter, NotRunningError."""
    if api:
        if urlsplit(api).scheme not in ("http", "https") or not urlsplit(api).hostname:
            raise typer.BadParameter("must begin with http:// or https:// and name a host", param_hint="--api")
        if not token:
            makes = command(f"token --role {role}")
            raise typer.BadParameter(f"goes with --api; {makes} makes one where its settings are", param_hint="--token")
        return Installation(api.rstrip("/"), token)
    try:
        stack = running.load(data_dir)
    except NotRunningError as error:
        raise NotRunningError(f"{error}, or name another installation by --api URL and --token") from None
    return Installation(stack.api, token or stack.tokens[role])


@contextmanager
def calling(api: str, token: str | None, role: Role) -> Iterator[ApiClient]:
    """The API at this address; an error becomes a message and exit code 1."""
    with reporting_failures():
        there = chosen(api, token, DEFAULT_DATA_DIR, role)
        with ApiClient(there.api, there.token) as client:
            yield client


@contextmanager
def reporting_failures() -> Iterator[None]:
    """An error on the way to the API becomes a message and exit code 1."""
    try:
        yield
    except (NotRunningError, ApiError) as error:
        fail(str(error))


def fail(message: str) -> NoReturn:
    """Print it in red on standard error; exit code 1."""
    errors.print(message, style="red", markup=False, highlight=False)
    raise typer.Exit(FAILED)
