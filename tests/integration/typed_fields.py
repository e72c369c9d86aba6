"""Fields in which a person can type, as OpenAPI has them, and a hand that types something to look for into each."""

import itertools
from collections.abc import Iterator
from typing import Any

import httpx
from fastapi import FastAPI

from tests.api.conftest import ApiClient

MARK = "Kq7xCanary"
DIGITS = "139071755"
_numbers = itertools.count(10)


def words() -> str:
    """Something that stands nowhere else."""
    return f"{MARK}{next(_numbers)} of the harpsichord"


def phone() -> str:
    return f"+86{DIGITS}{next(_numbers)}"


class Hand:
    """Calls with a body, and knows afterwards into which fields something to look for was typed."""

    def __init__(self) -> None:
        self.typed: set[tuple[str, str]] = set()

    async def call(
        self, api: ApiClient, method: str, path: str, body: dict[str, Any], expect: int = 201,
        named: dict[str, str] | None = None, headers: dict[str, str] | None = None,
    ) -> httpx.Response:  # fmt: skip
        """One call; `named` fills the path in."""
        text = {"Idempotency-Key": f"key-{next(_numbers)}", **api.headers, **(headers or {})}
        answer = await api.http.request(method, path.format(**(named or {})), json=body, headers=text)
        assert answer.status_code == expect, f"{method} {path}: {answer.text}"
        self.typed |= {(f"{method} {path}", field) for field, value in leaves(body) if MARK in value or DIGITS in value}
        return answer


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item, f"{path}.[]")
    elif isinstance(value, str):
        yield path, value


def fields(app: FastAPI) -> set[tuple[str, str]]:
    """Every text of every body, but those of which there are a few fixed ones."""
    described = app.openapi()
    found = set()
    for path, calls in described["paths"].items():
        for method, call in calls.items():
            for content in call.get("requestBody", {}).get("content", {}).values():
                for field in _texts(content["schema"], described["components"]["schemas"], ""):
                    found.add((f"{method.upper()} {path}", field))
    return found


def _texts(schema: dict[str, Any], known: dict[str, Any], path: str) -> Iterator[str]:
    if "$ref" in schema:
        yield from _texts(known[schema["$ref"].rsplit("/", 1)[-1]], known, path)
    for kind in ("anyOf", "oneOf", "allOf"):
        for one in schema.get(kind, ()):
            yield from _texts(one, known, path)
    for name, one in schema.get("properties", {}).items():
        yield from _texts(one, known, f"{path}.{name}" if path else name)
    if "items" in schema:
        yield from _texts(schema["items"], known, f"{path}.[]")
    if schema.get("type") == "string" and "enum" not in schema and "const" not in schema:
        yield path
