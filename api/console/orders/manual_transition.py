"""The form that moves an order manually along its lifecycle."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.authorization import visible_order
from api.console.action_forms import ActionForm, FormField, form_page, refusal, spoken
from api.console.approvals.approval_requests import after_action
from api.console.forms import digest, fitting, key_of, new_key
from api.console.i18n import WORDS, language
from api.console.rendering import page
from api.console.session import CurrentStaff, posted
from api.dependencies import require, services_of
from api.errors import Problem
from api.schemas.support.manual_transitions import Adjust
from api.services.support import order_transitions
from api.services.support.order_transitions import PossibleTransitions
from domain.access import Role
from domain.errors import RuleBroken
from domain.orders.status import OrderEvent
from domain.shipping.fulfilments import FulfilmentStatus
from domain.support.manual_transitions import ADJUSTMENTS, AdjustablePart

router = APIRouter(prefix="/console")


@router.get("/orders/{order_no}/adjust")
async def adjust_form(request: Request, member: CurrentStaff, order_no: str) -> Response:
    """The events that are possible now, and what each would mean."""
    require(member.principal, Role.SUPPORT)
    services = services_of(request)
    overview = await visible_order(services, member.principal, order_no)
    found = await order_transitions.possible_transitions(services, overview.order_no)
    forms = _forms(request, overview.order_no, found)
    context: dict[str, Any] = {"order_no": overview.order_no, "here": found.context, "forms": forms, "key": new_key()}
    return page(request, "order_adjust.html", member=member, **context)


@router.post("/orders/{order_no}/adjust")
async def adjust(request: Request, member: CurrentStaff, order_no: str) -> Response:
    """Move the order; what is refused comes back with the form."""
    require(member.principal, Role.SUPPORT)
    services, fields = services_of(request), await posted(request, member)
    number = (await visible_order(services, member.principal, order_no)).order_no
    value = {name.removeprefix("value."): text.strip() for name, text in fields.items() if name.startswith("value.")}
    body = {"event": fields.get("event", ""), "value": value or None, "reason": fields.get("reason", "")}
    body |= {"fulfilment_id": fields.get("fulfilment_id") or None}
    try:
        adjustment = fitting(Adjust, body)
        answer = await order_transitions.adjust(
            services, member.principal, key_of(fields), digest(adjustment), number, adjustment
        )
    except (Problem, RuleBroken) as error:
        problem, found = refusal(error), await order_transitions.possible_transitions(services, number)
        hidden = {name: fields[name] for name in ("event", "fulfilment_id") if fields.get(name)}
        form = next((one for one in _forms(request, number, found) if one.hidden == hidden), None)
        if form is None:
            raise
        return form_page(request, member, form, typed=fields, problem=problem)
    return after_action(request, answer, f"/console/orders/{number}", "done.adjusted")


def _forms(request: Request, number: str, found: PossibleTransitions) -> list[ActionForm]:
    """A form for each event: from which status to which, and what it asks for."""
    lang, here = language(request), found.context.status
    whole = [
        _form(request, number, event, " → ".join(WORDS.code_words(lang, "status", one) for one in (here, status)))
        for event, status in found.events.items()
    ]
    return whole + [_form(request, number, event, _moves(lang, part, to), part) for part, event, to in found.parcels]


def _moves(lang: str, part: AdjustablePart, to: FulfilmentStatus) -> str:
    """Which part it is about, and what becomes of it."""
    name = WORDS.speaker(lang)("adjust.part", number=part.number, warehouse=part.warehouse)
    return f"{name}: " + " → ".join(WORDS.code_words(lang, "fulfilment_status", one) for one in (part.status, to))


def _form(
    request: Request, number: str, event: OrderEvent, consequence: str, part: AdjustablePart | None = None
) -> ActionForm:
    lang, rule = language(request), ADJUSTMENTS[event]
    return ActionForm(
        order_no=number,
        action=f"/console/orders/{number}/adjust",
        label=WORDS.code_words(lang, "event", event),
        consequence=consequence,
        warning=spoken(request, "adjust.two") if rule.moves_money else "",
        fields=tuple(
            FormField(name=f"value.{name}", label=WORDS.code_words(lang, "field", name)) for name in rule.shape
        ),
        hidden={"event": event} | ({"fulfilment_id": part.fulfilment_id} if part else {}),
        reason="required",
        anchor=f"{event}-{part.number}" if part else event,
    )
