"""The gate before every process and command: settings that make no sense end it at once, in words."""

import sys
from collections.abc import Collection

from infra import settings_check

WRONG_SETTINGS = 2


def settings_for(command: str, given: Collection[str] = ()) -> int:
    """0 when this process's settings do for the command (a key of NEEDS); else prints a line per problem and gives 2.

    `given` are variables that the command itself sets. All on standard error.
    """
    warn_of_unknown()
    found = settings_check.problems(settings_check.NEEDS[command], given)
    for problem in found:
        print(problem, file=sys.stderr)
    sys.stderr.flush()
    return WRONG_SETTINGS if found else 0


def warn_of_unknown() -> None:
    """A line for each OMS_ variable that nothing reads."""
    for line in settings_check.unknown():
        print(line, file=sys.stderr)
