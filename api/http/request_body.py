"""Reading a request's body: JSON, its canonical form, and the model that it must fit."""

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any, Generic, NoReturn, TypeVar

import orjson
from fastapi import Request
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from api.errors import Problem
from api.http.validation_messages import words
from api.schemas.fields import TEXT_PATTERNS
from domain.problems import SENTENCES

Model = TypeVar("Model", bound=BaseModel)
MAX_REPORTED = 20
_NAME = re.compile(r"^[A-Za-z0-9_-]{1,40}$")
_NUMBER = {"quantity": "invalid_quantity", "amount_minor": "amount_invalid"}


@dataclass(frozen=True, slots=True)
class Parsed(Generic[Model]):
    """A valid body; `digest` is SHA-256 over method, path and the body with its keys sorted."""

    model: Model
    digest: bytes


async def read(request: Request, model: type[Model], *, optional: bool = False) -> Parsed[Model]:
    """Parse and validate. Raises Problem: `invalid_json`, `invalid_text`, `validation_failed` and its finer codes.

    Where the body is `optional`, none is as good as an empty object.
    """
    raw = await request.body()
    value = {} if optional and not raw else parsed_json(raw)
    try:
        fitting = model.model_validate(value)
    except ValidationError as error:
        raise refused(error.errors(include_url=False, include_input=False)) from None
    canonical = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    target = f"{request.method} {request.url.path}\n".encode()
    return Parsed(fitting, hashlib.sha256(target + canonical).digest())


def parsed_json(raw: bytes) -> Any:
    """The JSON value of `raw`. Raises Problem `invalid_json`, or `invalid_text` for lone surrogates."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        _explain(raw)


def _explain(raw: bytes) -> NoReturn:
    """Tell text that no encoding can carry from what is not JSON at all."""
    try:
        text = json.loads(raw, parse_constant=_no_constant)
        json.dumps(text, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise Problem("invalid_text", "a text holds half of a surrogate pair; send well-formed Unicode") from None
    except (ValueError, RecursionError):
        pass
    raise Problem("invalid_json", "the body is not a JSON document in UTF-8")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def refused(errors: list[ErrorDetails]) -> Problem:
    """One problem for what a model refused: the code of the first finding that has one, and a list of fields."""
    codes = [_code(error) for error in errors]
    code = next((code for code in codes if code != "validation_failed"), "validation_failed")
    found = [
        {"field": _field(error), "code": error["type"], "message": words(error)} for error in errors[:MAX_REPORTED]
    ]
    return Problem(code, _detail(code, codes, found), status=422, errors=found)


def _detail(code: str, codes: list[str], found: list[dict[str, str]]) -> str:
    """The first field that breaks the rule, and how many more there are."""
    if code == "empty_order":
        return SENTENCES[code]
    first = next((at for at, one in enumerate(codes[:MAX_REPORTED]) if one == code), 0)
    first_error = found[first]
    more = f", and {len(codes) - 1} more: see errors" if len(codes) > 1 else ""
    if first_error["code"] == "value_error":
        return f"{first_error['message']}{more}"
    where = (
        f"{first_error['field']} {first_error['message']}"
        if first_error["field"]
        else f"the body {first_error['message']}"
    )
    return f"{where}{more}"


def _code(error: ErrorDetails) -> str:
    kind, last = error["type"], str(error["loc"][-1]) if error["loc"] else ""
    if kind == "extra_forbidden":
        return "unknown_field"
    if kind in ("blank_text", "invalid_id", "unknown_currency", "line_not_named", "invalid_barcode"):
        return kind
    if kind == "string_unicode" or (error.get("ctx") or {}).get("pattern") in TEXT_PATTERNS:
        return "invalid_text"
    if kind == "too_short" and last == "lines":
        return "empty_order"
    if kind == "string_too_long" and last == "note":
        return "note_too_long"
    if last in _NUMBER and kind != "missing":
        return _NUMBER[last]
    return "validation_failed"


def _field(error: ErrorDetails) -> str:
    """The field's path; an unknown name that does not look like one is the caller's text, so it is not repeated."""
    return ".".join(str(part) if _NAME.match(str(part)) else "?" for part in error["loc"])
