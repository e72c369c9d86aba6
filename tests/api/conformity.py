"""Every answer in these tests is one that the OpenAPI document announces: its status and its type of content."""

import re
from typing import Any

import httpx
from fastapi import FastAPI


class Conforming(httpx.ASGITransport):
    """Calls the application and compares each answer with the document."""

    def __init__(self, app: FastAPI, **more: Any) -> None:
        super().__init__(app=app, **more)
        self._described = app

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await super().handle_async_request(request)
        operation = operation_of(self._described, request.method, request.url.path)
        if operation is not None:
            fault = difference(operation, answer)
            assert fault is None, f"{request.method} {request.url.path}: {fault}"
        return answer


def operation_of(app: FastAPI, method: str, path: str) -> dict[str, Any] | None:
    """What the document says of a call; None where it says nothing, as of pages."""
    for pattern, operations in _patterns(app):
        if pattern.fullmatch(path) and method.lower() in operations:
            found: dict[str, Any] = operations[method.lower()]
            return found
    return None


def _patterns(app: FastAPI) -> list[tuple[re.Pattern[str], dict[str, Any]]]:
    known: list[tuple[re.Pattern[str], dict[str, Any]]] | None = getattr(app.state, "patterns", None)
    if known is None:
        paths = sorted(app.openapi()["paths"].items(), key=lambda item: item[0].count("{"))
        known = [(re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path))), ops) for path, ops in paths]
        app.state.patterns = known
    return known


def difference(operation: dict[str, Any], answer: httpx.Response) -> str | None:
    """In what the answer is not as announced; None when it is."""
    status, announced = str(answer.status_code), operation["responses"]
    response = announced.get(status) or announced.get(f"{status[0]}XX")
    if response is None:
        return f"{status} is not among {', '.join(announced)}"
    content = answer.headers.get("content-type", "").partition(";")[0]
    kinds = list(response.get("content", {}))
    if content not in kinds and (content or kinds):
        return f"{status} is {content or 'without content'}, not {' or '.join(kinds) or 'without content'}"
    return None
