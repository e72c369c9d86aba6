"""How a command comes to the settings of an installation: a stack's, or those of its own environment."""

import contextlib
import os
import sys
from collections.abc import Collection
from pathlib import Path
from typing import NoReturn


def use(data_dir: Path, command: str) -> None:
    """Sets this process's environment from the stack in data_dir, or leaves that of a real deployment; checks it."""
    from infra.stack import running
    from infra.stack.errors import NotRunningError

    try:
        running.configure(data_dir)
    except NotRunningError as error:
        fail(f"{error}, or set OMS_DATABASE_URL and what else docs/settings.md names for another installation")
    check(command)


def use_temporal(data_dir: Path) -> None:
    """As `use`, for commands that need Temporal only: the address in the environment goes first."""
    from infra.stack import running
    from infra.stack.errors import NotRunningError

    if "OMS_TEMPORAL_ADDRESS" not in os.environ:
        with contextlib.suppress(NotRunningError):
            running.configure(data_dir)
    check("temporal")


def check(command: str, given: Collection[str] = ()) -> None:
    """Continues if the settings suffice for this command; otherwise exits with 2 and one line for each problem.

    A command that encrypts personal data also needs the master key of the database."""
    from infra.settings_check import NEEDS, Need
    from workers import checked_settings

    if code := checked_settings.settings_for(command, given):
        end(code)
    if Need.VAULT in NEEDS[command]:
        from infra.settings import settings
        from workers.cli import master_key_check

        master_key_check.compare(settings())


def fail(message: str) -> NoReturn:
    """Print it on standard error; exit code 1."""
    print(message, file=sys.stderr)
    end(1)


def end(code: int | None) -> NoReturn:
    """Ends at once with this code: unwinding the interpreter after a Temporal client may crash and change it."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code or 0)
