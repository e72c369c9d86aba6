"""Every answer in these tests is one that the OpenAPI document announces: its status, its type of content, its headers,
and, where the document has a schema, its JSON, without a field that the schema does not name."""

import re
from typing import Any

import httpx
import jsonschema_rs
from fastapi import FastAPI

from api.http.openapi import HEADERS


class Conforming(httpx.ASGITransport):
    """Calls the application and compares each answer with the document."""

    def __init__(self, app: FastAPI, **more: Any) -> None:
        super().__init__(app=app, **more)
        self._described = description(app)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await super().handle_async_request(request)
        await answer.aread()
        operation = self._described.operation_of(request.method, request.url.path)
        if operation is not None:
            fault = difference(operation, answer) or self._misshaped(operation, answer)
            assert fault is None, f"{request.method} {request.url.path}: {fault}"
        return answer

    def _misshaped(self, operation: dict[str, Any], answer: httpx.Response) -> str | None:
        return self._described.schemas.difference(operation, answer) if answer.content else None


class Schemas:
    """The schemas of one document's answers, closed: a field that they do not name is a fault."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._components = closed(document["components"])
        self._validators: dict[tuple[str, str], jsonschema_rs.Validator | None] = {}

    def difference(self, operation: dict[str, Any], answer: httpx.Response) -> str | None:
        """In what the JSON of the answer is not as described; None when it is."""
        status = _announced_as(operation, answer)
        key = operation["operationId"], status
        if key not in self._validators:
            content = operation["responses"][status].get("content", {})
            kind = next((kind for kind in content if kind.endswith("json")), None)
            self._validators[key] = self._validator(content[kind]["schema"]) if kind else None
        validator = self._validators[key]
        if validator is None:
            return None
        faults = list(validator.iter_errors(answer.json()))
        return "; ".join(f"{'/'.join(map(str, fault.instance_path))}: {fault.message}" for fault in faults) or None

    def _validator(self, schema: dict[str, Any]) -> jsonschema_rs.Validator:
        """Of the schema with those that it needs: the document has hundreds."""
        shut, needed = closed(schema), dict[str, Any]()
        named = _named_in(shut)
        while named:
            needed |= {name: self._components["schemas"][name] for name in named}
            named = _named_in(list(needed.values())) - needed.keys()
        whole = {**shut, "components": {"schemas": needed}}
        return jsonschema_rs.Draft202012Validator(whole, validate_formats=True)


def _named_in(schema: Any) -> set[str]:
    """The names of the components that a schema refers to."""
    if isinstance(schema, list):
        return set[str]().union(*map(_named_in, schema))
    if not isinstance(schema, dict):
        return set()
    own = {schema["$ref"].rpartition("/")[2]} if isinstance(schema.get("$ref"), str) else set[str]()
    return own.union(*map(_named_in, schema.values()))


def closed(schema: Any) -> Any:
    """The same schema, but objects have no further fields where it does not say that they may."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    shut = {name: closed(each) for name, each in schema.items()}
    if "properties" in shut and shut.get("type") == "object":
        shut.setdefault("additionalProperties", False)
    return shut


class Description:
    """The operations of one document and the schemas of their answers."""

    def __init__(self, document: dict[str, Any]) -> None:
        paths = sorted(document["paths"].items(), key=lambda item: item[0].count("{"))
        self._operations = [(re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path))), ops) for path, ops in paths]
        self.schemas = Schemas(document)
        self.document = document

    def operation_of(self, method: str, path: str) -> dict[str, Any] | None:
        """What the document says of a call; None where it says nothing, as of pages."""
        for pattern, operations in self._operations:
            if pattern.fullmatch(path) and method.lower() in operations:
                found: dict[str, Any] = operations[method.lower()]
                return found
        return None


_descriptions: list[Description] = []


def description(app: FastAPI) -> Description:
    """Of every application: the document does not depend on settings, and it takes seconds to make. The application
    answers with it as well."""
    if not _descriptions:
        _descriptions.append(Description(app.openapi()))
    app.openapi_schema = _descriptions[0].document
    return _descriptions[0]


def difference(operation: dict[str, Any], answer: httpx.Response) -> str | None:
    """In what the answer is not as announced; None when it is."""
    announced, status = operation["responses"], _announced_as(operation, answer)
    if status not in announced:
        return f"{status} is not among {', '.join(announced)}"
    content = answer.headers.get("content-type", "").partition(";")[0]
    kinds = list(announced[status].get("content", {}))
    if content not in kinds and (content or kinds):
        return f"{status} is {content or 'without content'}, not {' or '.join(kinds) or 'without content'}"
    known = {name.lower() for name in announced[status].get("headers", {})}
    unknown = [name for name in HEADERS if name.lower() in answer.headers and name.lower() not in known]
    if unknown:
        return f"{status} does not announce the headers {', '.join(unknown)}"
    return None


def _announced_as(operation: dict[str, Any], answer: httpx.Response) -> str:
    """Under which status the document has an answer."""
    status = str(answer.status_code)
    return status if status in operation["responses"] or status[0] not in "45" else f"{status[0]}XX"
