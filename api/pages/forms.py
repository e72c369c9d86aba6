"""Forms as the bodies of the HTTP calls that do the same, each with proof that it is one of ours."""

import hashlib
import hmac
import secrets
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from api.bodies import refused
from api.errors import Problem

Model = TypeVar("Model", bound=BaseModel)


def fitting(model: type[Model], value: dict[str, Any]) -> Model:
    """The form as the HTTP call's body. Raises the Problem that the call would raise."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise refused(error.errors(include_url=False, include_input=False)) from None


def digest(wish: BaseModel) -> bytes:
    """What a repeat of the form must be equal to."""
    return hashlib.sha256(wish.model_dump_json().encode()).digest()


def key_of(fields: dict[str, str]) -> str:
    """The form's idempotency key: made with the page, so that sending it twice acts once."""
    return fields.get("key") or new_key()


def new_key() -> str:
    """A key for a page's forms."""
    return secrets.token_hex(16)


def csrf_of(cookie: str) -> str:
    """What a form of this session proves itself with: another site can neither read nor guess it."""
    return hashlib.sha256(f"form\n{cookie}".encode()).hexdigest()[:32]


async def posted(request: Request, csrf: str) -> dict[str, str]:
    """The fields of a form of ours, the last of each name. Raises Problem `form_expired`."""
    fields = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
    if not hmac.compare_digest(fields.pop("csrf", "").encode(), csrf.encode()):
        raise Problem("form_expired", "this page is older than your session; load it again")
    return fields
