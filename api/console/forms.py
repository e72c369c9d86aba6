"""Forms as the bodies of the HTTP calls that do the same."""

import hashlib
import secrets
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from api.bodies import refused
from api.errors import Problem

Model = TypeVar("Model", bound=BaseModel)


def fitting(model: type[Model], value: dict[str, Any]) -> Model:
    """The form as the HTTP call's body. Raises Problem `reason_missing`, or what the call would raise."""
    if not value["reason"].strip():
        raise Problem("reason_missing", "say why: the reason is kept with the act")
    return fitted(model, value)


def fitted(model: type[Model], value: dict[str, Any]) -> Model:
    """A form without a reason as the HTTP call's body. Raises Problem."""
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


def whole(typed: str) -> int | str:
    """The number that was typed; what is none is left for the model to refuse."""
    plain = typed.strip()
    return int(plain) if plain.isascii() and plain.isdigit() and len(plain) < 10 else plain
