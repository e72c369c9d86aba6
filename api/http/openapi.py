"""How a route states what it takes and answers, for the OpenAPI document."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Any

from fastapi import FastAPI, Response
from pydantic import BaseModel

_REF = "#/components/schemas/{model}"
_HEADER_REF = "#/components/headers/{name}"
_known: dict[str, dict[str, Any]] = {}

_PROBLEM = {
    "title": "Problem",
    "description": "RFC 9457; `code` is stable. Other members are facts of the refusal, as how many units are left.",
    "type": "object",
    "additionalProperties": True,
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
    "description": "The ETag with which it was read; 412 when it has changed since.",
}


ETAG, LOCATION, REPLAYED, RETRY_AFTER = "ETag", "Location", "Idempotent-Replayed", "Retry-After"
CONTENT_DISPOSITION = "Content-Disposition"
_LIMITED = ("RateLimit", "RateLimit-Policy")
# Every header that an answer may carry beside the general ones of HTTP. The tests compare them with what is sent.
HEADERS = {
    ETAG: "The version of what was read, for `If-Match`. That of an order changes with each of its events.",
    LOCATION: "The path of what was created. A replayed answer carries none.",
    REPLAYED: "`true` when this is the first answer to the key, given again.",
    RETRY_AFTER: "After how many seconds to try again.",
    CONTENT_DISPOSITION: "The name of the file.",
    "RateLimit": 'What is left of the caller\'s limit: `"default";r=<calls>;t=<seconds>`. Absent without a limit.',
    "RateLimit-Policy": 'The caller\'s limit: `"default";q=<calls>;w=<seconds>`. Absent without a limit.',
    "WWW-Authenticate": "With 401: which authentication is expected.",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of an operation: the model of its JSON or, without one, its `media` types; neither for no content."""

    status: int
    model: type[BaseModel] | UnionType | None = None
    headers: Sequence[str] = ()
    media: Sequence[str] = ()
    means: str = "Successful Response"


def operation(
    name: str,
    first: Answer,
    *others: Answer,
    body: type[BaseModel] | None = None,
    parameters: Sequence[dict[str, Any]] = (),
    with_key: bool = False,
    keyed: bool = True,
    refused: dict[int | str, dict[str, Any]] | None = None,
    more: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The arguments with which a router registers an operation, as in `@router.post(path, **operation(...))`.

    `name` is the stable operation id: a verb and a noun in snake_case. A `body` goes with an Idempotency-Key unless
    `keyed` is false, as for a PUT; `with_key` asks for one where there is no body. `first` is the usual answer.
    `refused` are the responses of refusals where they are not the usual ones, `more` what else the document says of the
    operation. The models describe; nothing validates answers with them at run time.
    """
    replays = (REPLAYED,) if (body is not None and keyed) or with_key else ()
    answers = {answer.status: _announced(answer, replays) for answer in (first, *others)}
    stated: dict[str, Any] = {
        "operation_id": name,
        "status_code": first.status,
        "responses": (problems() if refused is None else refused) | answers,
    }
    if first.model is None:
        stated["response_class"] = Response
    if body is not None:
        stated["openapi_extra"] = body_of(body, *([_KEY_PARAMETER] if keyed else []), *parameters)
    elif with_key or parameters:
        stated["openapi_extra"] = {"parameters": [*([_KEY_PARAMETER] if with_key else []), *parameters], **(more or {})}
    return stated


def _announced(answer: Answer, headers: Sequence[str]) -> dict[str, Any]:
    """One of a route's responses, as FastAPI takes it."""
    described: dict[str, Any] = {"description": answer.means, "headers": _headers(*answer.headers, *headers)}
    if answer.model is not None:
        described["model"] = answer.model
    if answer.media:
        described["content"] = {media: {"schema": {"type": "string", "format": "binary"}} for media in answer.media}
    return described


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"$ref": _HEADER_REF.format(name=name)} for name in names}


def body_of(model: type[BaseModel], *parameters: dict[str, Any]) -> dict[str, Any]:
    """What OpenAPI says of a call with this body and `parameters`."""
    schema = model.model_json_schema(ref_template=_REF)
    _known.update(schema.pop("$defs", {}))
    _known[model.__name__] = schema
    content = {"application/json": {"schema": {"$ref": _REF.format(model=model.__name__)}}}
    return {"requestBody": {"required": True, "content": content}, "parameters": [*parameters]}


def problems() -> dict[int | str, dict[str, Any]]:
    """The responses of a route that refuses: every refusal has one form."""
    return {"4XX": _refusal("Refused", RETRY_AFTER, "WWW-Authenticate", REPLAYED, *_LIMITED), **later("Later")}


def later(means: str) -> dict[int | str, dict[str, Any]]:
    """The responses of a route that answers only that it cannot now."""
    return {"503": _refusal(means, RETRY_AFTER, REPLAYED, *_LIMITED)}


def _refusal(means: str, *headers: str) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": {"$ref": _REF.format(model="Problem")}}}
    return {"description": means, "content": content, "headers": _headers(*headers)}


def complete(app: FastAPI) -> None:
    """Add to the document that FastAPI makes: the schemas of those bodies, and the headers."""
    made_by_fastapi = app.openapi

    def openapi() -> dict[str, Any]:
        document = made_by_fastapi()
        components = document.setdefault("components", {})
        for name, schema in {**_known, "Problem": _PROBLEM}.items():
            components.setdefault("schemas", {}).setdefault(name, schema)
        components["headers"] = {
            name: {"description": text, "schema": {"type": "string"}} for name, text in HEADERS.items()
        }
        for operations in document["paths"].values():
            for each in operations.values():
                _announce_limits(each)
        return document

    app.openapi = openapi  # type: ignore[method-assign]


def _announce_limits(operation: dict[str, Any]) -> None:
    """Every answer to a caller with a token says what is left of the caller's limit."""
    if "security" in operation:
        for response in operation["responses"].values():
            response.setdefault("headers", {}).update(_headers(*_LIMITED))
