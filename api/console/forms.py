"""Forms of staff, who say why they act."""

from typing import Any

from api.errors import Problem
from api.pages import forms
from api.pages.forms import Model, digest, key_of, new_key
from api.schemas.fields import MAX_REASON, Body, Reason
from domain.text import is_visible

__all__ = ["digest", "fitting", "key_of", "new_key", "reason_of"]


class _Why(Body):
    reason: Reason


def fitting(model: type[Model], value: dict[str, Any]) -> Model:
    """The form as the HTTP call's body. Raises Problem `reason_missing`, or what the call would raise."""
    if not is_visible(value["reason"]):
        raise Problem("reason_missing", "say why: the reason is stored with the action")
    return forms.fitting(model, value)


def reason_of(fields: dict[str, str]) -> str:
    """Why, in at most 500 characters. Raises Problem `reason_missing`, `invalid_text`."""
    return fitting(_Why, {"reason": fields.get("reason", "").strip()[:MAX_REASON]}).reason


def whole(typed: str) -> int | str:
    """The number that was typed; what is none is left for the model to refuse."""
    plain = typed.strip()
    return int(plain) if plain.isascii() and plain.isdigit() and len(plain) < 10 else plain
