"""Forms of staff, who say why they act."""

from typing import Any

from api.errors import Problem
from api.pages import forms
from api.pages.forms import Model, digest, key_of, new_key

__all__ = ["digest", "fitting", "key_of", "new_key"]


def fitting(model: type[Model], value: dict[str, Any]) -> Model:
    """The form as the HTTP call's body. Raises Problem `reason_missing`, or what the call would raise."""
    if not value["reason"].strip():
        raise Problem("reason_missing", "say why: the reason is kept with the act")
    return forms.fitting(model, value)


def whole(typed: str) -> int | str:
    """The number that was typed; what is none is left for the model to refuse."""
    plain = typed.strip()
    return int(plain) if plain.isascii() and plain.isdigit() and len(plain) < 10 else plain
