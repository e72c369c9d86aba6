"""Words from templates: `templates/NAME.vN.toml`, each with `subject`, `body` and `sms` in both languages.

A change of words is a new file with the next number: what was sent can be read again in the version that it names.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined, Template

from domain.notifications import Channel

LANGUAGES = ("en", "zh")
FOLDER = Path(__file__).with_name("templates")
_FILE = re.compile(r"^([a-z_]+)\.v([1-9][0-9]*)\.toml$")
# Plain text: nothing is markup, so nothing is escaped. A value that is missing is an error, never a gap.
_ENVIRONMENT = Environment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=False)  # noqa: S701


@dataclass(frozen=True, slots=True)
class Words:
    """What one message says. `subject` is empty for a text message."""

    version: int
    language: str
    subject: str = field(repr=False)
    body: str = field(repr=False)


@lru_cache(maxsize=1)
def versions() -> dict[str, int]:
    """The newest version of each template."""
    newest: dict[str, int] = {}
    for file in FOLDER.glob("*.toml"):
        if (match := _FILE.match(file.name)) is None:
            raise ValueError(f"not a template's name: {file.name}")
        newest[match[1]] = max(newest.get(match[1], 0), int(match[2]))
    return newest


def render(template: str, channel: str, language: str, facts: Mapping[str, Any]) -> Words:
    """The newest version of a template. Raises KeyError for an unknown one, UndefinedError for a missing fact."""
    version = versions()[template]
    parts = _compiled(template, version, language)
    if channel == Channel.SMS:
        return Words(version, language, "", parts["sms"].render(facts).strip())
    return Words(version, language, parts["subject"].render(facts).strip(), parts["body"].render(facts).strip() + "\n")


@lru_cache(maxsize=256)
def _compiled(template: str, version: int, language: str) -> dict[str, Template]:
    read = tomllib.loads((FOLDER / f"{template}.v{version}.toml").read_text(encoding="utf-8"))
    return {part: _ENVIRONMENT.from_string(read[language][part]) for part in ("subject", "body", "sms")}
