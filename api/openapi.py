"""What the OpenAPI document says of bodies that routes read by themselves."""

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

_REF = "#/components/schemas/{model}"
_known: dict[str, dict[str, Any]] = {}

_PROBLEM = {
    "title": "Problem",
    "description": "RFC 9457; `code` is stable.",
    "type": "object",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "instance": {"type": "string"},
        "errors": {"type": "array", "items": {"type": "object"}},
        "found": {"type": "integer", "description": "With expected_differs: how many there are."},
    },
}
_ALSO = {200: "With `preview=true`: what it would mean", 202: "Waits for a second person, or goes on by itself"}
_KEY_PARAMETER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    "description": "A new one for each new request; the same again to get the first answer again.",
}
IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "required": True,
    "schema": {"type": "string"},
    "description": "The ETag that the order was read with; 412 when it has moved on since.",
}


def body_of(model: type[BaseModel], *parameters: dict[str, Any]) -> dict[str, Any]:
    """The `openapi_extra` of a call with this body, an idempotency key and other `parameters`."""
    schema = model.model_json_schema(ref_template=_REF)
    _known.update(schema.pop("$defs", {}))
    _known[model.__name__] = schema
    content = {"application/json": {"schema": {"$ref": _REF.format(model=model.__name__)}}}
    return {"requestBody": {"required": True, "content": content}, "parameters": [_KEY_PARAMETER, *parameters]}


def keyed() -> dict[str, Any]:
    """The `openapi_extra` of a POST without a body."""
    return {"parameters": [_KEY_PARAMETER]}


def problems(*also: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route: every refusal has one form. `also` are statuses of other answers in JSON."""
    content = {"application/problem+json": {"schema": {"$ref": _REF.format(model="Problem")}}}
    refused = {
        "4XX": {"description": "Refused", "content": content},
        "503": {"description": "Later", "content": content},
    }
    more: dict[int | str, dict[str, Any]] = {
        str(status): described(_ALSO[status], "application/json") for status in also
    }
    return refused | more


def described(what: str, *content_types: str) -> dict[str, Any]:
    """One of a route's `responses`."""
    return {"description": what, "content": {content_type: {"schema": {}} for content_type in content_types}}


def complete(app: FastAPI) -> None:
    """Add the schemas of those bodies to the document that FastAPI makes."""
    made_by_fastapi = app.openapi

    def openapi() -> dict[str, Any]:
        document = made_by_fastapi()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        for name, schema in {**_known, "Problem": _PROBLEM}.items():
            schemas.setdefault(name, schema)
        return document

    app.openapi = openapi  # type: ignore[method-assign]
