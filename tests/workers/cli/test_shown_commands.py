"""Every `oms` command that the documentation or the product shows exists, with the options that are shown."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from workers.cli import app
from workers.cli.audit import audit_commands
from workers.cli.ledger import ledger_commands
from workers.cli.staff import staff_commands, token_commands
from workers.cli.support import support_commands as support

ROOT = Path(__file__).resolve().parents[3]
PAGES = [ROOT / "README.md", ROOT / "README.zh-CN.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
SOURCES = [path for layer in ("workers", "infra", "api", "workflows") for path in (ROOT / layer).rglob("*")]
# Between backquotes, or a line of a shell block; with the program's path, settings or an assignment before it.
PRINTED = re.compile(
    r"`(?:OMS_\S+ )*oms ([^`]+)`|^(?:\$ |\w+=\$\()?(?:OMS_\S+ )*(?:\.venv/bin/)?oms ([^\n)]+)", re.MULTILINE
)
# What messages show: "run: oms temporal prepare", {command('worker promote')}.
MENTIONED = re.compile(
    r"(?:run: |start |: )oms ([a-z][a-z ]*?)(?=[\"';.,)]|$)|(?<![.\w])command\(f?['\"]([a-z][^'\"]*)['\"]", re.MULTILINE
)
# Who hands its arguments on to a command line of its own.
OWN = {
    "staff": staff_commands.app,
    "stuck": support.app,
    "token": token_commands.app,
    "ledger": ledger_commands.app,
    "audit": audit_commands.app,
}


def printed(pattern: re.Pattern[str], paths: list[Path]) -> Iterator[tuple[str, str]]:
    """(where, arguments) of each."""
    for path in paths:
        if path.suffix in (".md", ".py", ".json", ".toml", ".html"):
            for found in pattern.finditer(path.read_text(encoding="utf-8")):
                arguments = next(group for group in found.groups() if group)
                yield str(path.relative_to(ROOT)), arguments.replace("…", "").split(" | ")[0].split(" &&")[0]


def problem_of(arguments: str) -> str | None:
    """Why it would not be understood; a word in capitals stands for a value."""
    words = [word.rstrip(",;:") for word in shlex.split(arguments)]
    command: Any = get_command(app.app)
    while words and not words[0].startswith("-") and hasattr(command, "commands"):
        if words[0] not in command.commands:
            return f"there is no {words[0]!r}"
        name = words.pop(0)
        command = get_command(OWN[name]) if name in OWN else command.commands[name]
    known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    unknown = [word for word in words if word.startswith("-") and word.split("=")[0] not in known]
    return f"there is no {unknown}" if unknown else None


DOCUMENTED = sorted({found for found in printed(PRINTED, PAGES) if not found[1].startswith("COMMAND")})
MESSAGES = sorted(set(printed(MENTIONED, SOURCES)))


def test_every_command_that_the_documentation_or_a_message_shows_exists() -> None:
    assert len(DOCUMENTED) > 50
    assert {"temporal prepare", "worker promote", "migrate", "doctor"} <= {arguments for _, arguments in MESSAGES}
    judged = {(where, arguments): problem_of(arguments) for where, arguments in (*DOCUMENTED, *MESSAGES)}
    assert {at: problem for at, problem in judged.items() if problem} == {}


@pytest.mark.parametrize("arguments", ["stuck sing", "token list --rolle x", "ledger verify", "sing"])
def test_a_command_that_does_not_exist_is_noticed(arguments: str) -> None:
    assert problem_of(arguments) is not None
