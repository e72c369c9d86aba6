"""The forms that resolve a parked step: each action with what it means, and its fields as far as they are known."""

from collections.abc import Mapping
from typing import Any

from fastapi import Request

from api.console.action_forms import ActionForm, FormField, spoken
from api.console.i18n import WORDS, language
from api.console.orders.shown_order import ShownOrder
from api.services.support.parked_queue import ParkedOrder
from domain.shipping.address_checks import suspect_parts
from domain.situations.actions import case_of
from domain.support.steps import OPTIONAL, Action, Step, shape_of

# Reversing what was done, and deciding for the provider, is explained by the person.
_EXPLAINED = frozenset({"decline_and_cancel", "approve_payment", "cancel_and_refund", "cancel_change", "give_up_part"})
_ADDRESS = ("name", "phone", "line1", "district", "city", "province", "postcode", "country")


def forms_of(request: Request, shown: ShownOrder, parked: ParkedOrder) -> list[ActionForm]:
    """A form for each action that the step offers, the best for the case first."""
    names = [one["action"] for one in shown.situation["actions"]]
    options = [Action(one) for one in parked.step.options or ()]
    offered = sorted(options, key=lambda action: names.index(action) if action in names else len(names))
    return [form_of(request, shown, parked, action) for action in offered]


def form_of(request: Request, shown: ShownOrder, parked: ParkedOrder, action: Action) -> ActionForm:
    """The form of one action at the step that is open."""
    step, order_no = Step(parked.step.step or ""), shown.order["order_no"]
    case = case_of(step, action)
    suggested = shown.action(case)
    hidden = {"action": action.value, "park_no": str(parked.step.park_no)}
    if case == "refund_as_credit":
        hidden["value.method"] = "store_credit"
    return ActionForm(
        order_no=order_no,
        action=f"/console/stuck/{order_no}/{action}",
        label=suggested["label"] if suggested else WORDS.code_words(language(request), "action", action),
        consequence=_consequence(request, case, action),
        warning=spoken(request, "stuck.two") if action in parked.needs_approval else "",
        means=parked.consequence if action is Action.COMPENSATE and case != "cancel_change" else None,
        fields=() if case == "refund_as_credit" else _fields(request, shown.order, step, action),
        hidden=hidden,
        danger=action in (Action.COMPENSATE, Action.GIVE_UP),
        reason="required" if case in _EXPLAINED else "optional",
        anchor=action.value,
    )


def _consequence(request: Request, case: str, action: Action) -> str:
    key = f"resolve.{case}"
    return spoken(request, key if key in WORDS.catalogue() else f"stuck.means.{action}")


def _fields(request: Request, order: Mapping[str, Any], step: Step, action: Action) -> tuple[FormField, ...]:
    lang, shape = language(request), shape_of(step, action) or {}
    is_address = set(shape) == set(_ADDRESS)
    known = (order["ship_to"] or {}) if is_address else {}
    doubts = suspect_parts(known) if is_address else []
    optional = OPTIONAL.get((step, action), frozenset())
    return tuple(
        FormField(
            name=f"value.{part}",
            label=WORDS.code_words(lang, "field", part),
            value=known.get(part) or "",
            doubt=spoken(request, "field_error.suspect") if part in doubts else "",
            required=part not in optional,
        )
        for part in (_ADDRESS if is_address else shape)
    )
