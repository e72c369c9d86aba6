"""A parcel that was lost or refused: support has it sent again or gives the money back, each with what it means."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.authorization import visible_order
from api.console.action_forms import ActionForm, form_page, refusal, spoken
from api.console.forms import digest, fitting, key_of, new_key
from api.console.orders import shown_order
from api.console.rendering import page
from api.console.session import CurrentStaff, StaffMember, posted
from api.dependencies import require, services_of
from api.errors import Problem
from api.pages.notices import acknowledged
from api.schemas.after_sales.delivery_exceptions import AnswerProblem
from api.services.after_sales import exception_handling
from api.services.after_sales.exception_handling import CHOICES, Choice, ExceptionOptions
from api.services.after_sales.keyed_request import KeyedRequest
from domain.access import Role
from domain.errors import RuleBroken

router = APIRouter(prefix="/console/orders")


@router.get("/{order_no}/parcel")
async def choices(request: Request, member: CurrentStaff, order_no: str) -> Response:
    """Both ways, each with its consequence; one that is not possible says why."""
    require(member.principal, Role.SUPPORT)
    services = services_of(request)
    number = (await visible_order(services, member.principal, order_no)).order_no
    options = await exception_handling.options_of(services, member.principal, number)
    context: dict[str, Any] = {"order_no": number, "seen": options, "choices": CHOICES, "key": new_key()}
    return page(request, "order_parcel.html", member=member, **context)


@router.get("/{order_no}/parcel/{choice}")
async def form(request: Request, member: CurrentStaff, order_no: str, choice: Choice) -> Response:
    """One of the two ways, as a page or in the side panel of the order."""
    require(member.principal, Role.SUPPORT)
    number = (await visible_order(services_of(request), member.principal, order_no)).order_no
    options = await exception_handling.options_of(services_of(request), member.principal, number)
    form = await _form(request, member, number, choice, options)
    refused = options.refused
    return form_page(request, member, form, problem=Problem(refused[choice]) if choice in refused else None)


@router.post("/{order_no}/parcel")
async def choose(request: Request, member: CurrentStaff, order_no: str) -> Response:
    """Have it done."""
    require(member.principal, Role.SUPPORT)
    services, fields = services_of(request), await posted(request, member)
    number = (await visible_order(services, member.principal, order_no)).order_no
    try:
        decision = fitting(AnswerProblem, {name: fields.get(name, "") for name in ("choice", "reason")})
        keyed = KeyedRequest(member.principal, key_of(fields), digest(decision))
        await exception_handling.choose(services, keyed, number, decision)
    except (Problem, RuleBroken) as error:
        if (choice := fields.get("choice")) not in CHOICES:
            raise
        form = await _form(request, member, number, choice)
        return form_page(request, member, form, typed=fields, problem=refusal(error))
    return acknowledged(
        request,
        f"/console/orders/{number}",
        f"done.parcel_{decision.choice}",
    )


async def _form(
    request: Request, member: StaffMember, number: str, choice: Choice, options: ExceptionOptions | None = None
) -> ActionForm:
    means = options.means.get(choice) if options else None
    consequence = "refund_part" if choice == "refund" and means is not None and means.order_goes_on else choice
    shown = await shown_order.read(request, member, number)
    code = "reship" if choice == "reship" else "refund_lost"
    words = {"label": spoken(request, f"undelivered.{choice}")}
    return ActionForm(
        order_no=number,
        action=f"/console/orders/{number}/parcel",
        label=(shown.action(code) or words)["label"],
        consequence=spoken(request, f"undelivered.means.{consequence}"),
        hidden={"choice": choice},
        danger=choice == "refund",
        reason="required",
    )
