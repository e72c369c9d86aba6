"""Forms that do one thing to an order: what it does is said before the button, which names it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from fastapi import Request
from fastapi.responses import Response

from api.console.field_errors import field_errors
from api.console.forms import new_key
from api.console.i18n import WORDS, language
from api.console.rendering import page
from api.console.session import StaffMember
from api.errors import Problem, from_rule
from domain.errors import NotFound, RuleBroken
from domain.text import is_line

# What the page answers in its own way, and the form cannot cure.
_NOT_OF_THE_FORM = frozenset({"forbidden", "form_expired", "order_not_found"})


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """A field of such a form. `doubt` is said at it before anything was sent: a part that was refused elsewhere."""

    name: str
    label: str
    value: str = ""
    hint: str = ""
    doubt: str = ""
    required: bool = True
    most: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionForm:
    """`label` names the action on its button. `means` is what cancelling gives back, where it does.

    Without a reason of the person, `label` is kept as the reason; where it is `required`, they must give one.
    """

    order_no: str
    action: str
    label: str
    consequence: str = ""
    warning: str = ""
    means: Any = None
    fields: tuple[FormField, ...] = ()
    hidden: Mapping[str, str] = field(default_factory=dict)
    danger: bool = False
    reason: Literal["required", "optional", "none"] = "optional"
    anchor: str = ""


def refusal(error: Problem | RuleBroken) -> Problem:
    """The refusal as the form shows it. What the form cannot cure is raised again."""
    problem = error if isinstance(error, Problem) else from_rule(error)
    if problem.code in _NOT_OF_THE_FORM or isinstance(error, NotFound):
        raise error
    return problem


def form_page(
    request: Request,
    member: StaffMember,
    form: ActionForm,
    *,
    typed: Mapping[str, str] | None = None,
    problem: Problem | None = None,
) -> Response:
    """The form alone, as a page or in the side panel; after a refusal with what was typed, and errors at its fields."""
    context: dict[str, Any] = {
        "form": form,
        "typed": typed or {},
        "problem": problem,
        "errors": field_errors(problem, language(request)) if problem else {},
        "key": new_key(),
    }
    return page(request, "order_action.html", status=problem.status_code if problem else 200, member=member, **context)


def require_filled(form: ActionForm, fields: Mapping[str, str]) -> None:
    """Raises Problem `validation_failed` with the fields that are empty, too long, or no line of text."""
    errors = [
        {"field": one.name, "code": code}
        for one in form.fields
        if (code := _unfit(one, fields.get(one.name, "").strip()))
    ]
    if errors:
        raise Problem("validation_failed", errors=errors)


def _unfit(one: FormField, typed: str) -> str:
    if not typed:
        return "missing" if one.required else ""
    if len(typed) > one.most:
        return "string_too_long"
    return "" if is_line(typed) else "string_pattern_mismatch"


def reason_in(fields: Mapping[str, str], form: ActionForm) -> str:
    """What the person typed; the action's own name where a reason is optional and none was given."""
    typed = fields.get("reason", "").strip()
    return typed if typed or form.reason == "required" else form.label


def spoken(request: Request, key: str, **values: Any) -> str:
    """Words for a form in the reader's language."""
    return WORDS.speaker(language(request))(key, **values)
