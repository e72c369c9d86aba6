"""Every statement of the services that is written down in a module."""

import importlib
import pkgutil
import re
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

from sqlalchemy.sql.elements import TextClause

import activities
import api
import infra
import workers
from infra.db.prepared import PreparedStatement

NOT_THE_SERVICES = re.compile(r"infra\.db\.(versions|env|seed|migrate|roles)\b|infra\.sandbox|__main__")
_BIND = re.compile(r"(?<![:\w]):(\w+)|%\((\w+)\)s")


def modules() -> Iterator[ModuleType]:
    for package in (infra, activities, api, workers):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not NOT_THE_SERVICES.search(found.name):
                yield importlib.import_module(found.name)


def statements() -> dict[str, str]:
    """Statement, with $1 … for what it is given: where it stands."""
    return {
        _numbered(text): f"{module.__name__}.{name}"
        for module in modules()
        for name, value in vars(module).items()
        for text in _texts(value, 3)
    }


def _texts(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, TextClause):
        yield value.text
    elif isinstance(value, PreparedStatement):
        yield value.sql
    elif depth and isinstance(value, Mapping):
        yield from (text for item in value.values() for text in _texts(item, depth - 1))
    elif depth and isinstance(value, list | tuple | set | frozenset):
        yield from (text for item in value for text in _texts(item, depth - 1))


def _numbered(statement: str) -> str:
    numbers: dict[str, int] = {}
    return _BIND.sub(lambda m: f"${numbers.setdefault(m[1] or m[2], len(numbers) + 1)}", statement).replace("\\:", ":")
