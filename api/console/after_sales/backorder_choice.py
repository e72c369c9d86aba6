"""Goods that an order waits for: support waits on or cancels what is missing, as the customer says."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.authorization import visible_order
from api.console.action_forms import ActionForm, form_page, refusal, spoken
from api.console.forms import digest, fitting, key_of
from api.console.session import CurrentStaff, posted
from api.dependencies import require, services_of
from api.errors import Problem
from api.pages.notices import acknowledged
from api.schemas.after_sales.backorder_choices import ChooseBackorder
from api.services.after_sales import backorder_choosing
from api.services.after_sales.keyed_request import KeyedRequest
from domain.access import Role
from domain.errors import RuleBroken
from domain.orders.backorder_choices import BackorderChoice

router = APIRouter(prefix="/console/orders")


@router.get("/{order_no}/backorder/{choice}")
async def form(request: Request, member: CurrentStaff, order_no: str, choice: BackorderChoice) -> Response:
    """One of the choices, as a page or in the side panel of the order."""
    require(member.principal, Role.SUPPORT)
    services = services_of(request)
    number = (await visible_order(services, member.principal, order_no)).order_no
    try:
        means = await backorder_choosing.preview(services, member.principal, number, choice)
    except (Problem, RuleBroken) as error:
        return form_page(request, member, _form(request, number, choice), problem=refusal(error))
    return form_page(
        request, member, _form(request, number, choice, whole=not means.order_goes_on, given=bool(means.refund_minor))
    )


@router.post("/{order_no}/backorder")
async def choose(request: Request, member: CurrentStaff, order_no: str) -> Response:
    """Have it done."""
    require(member.principal, Role.SUPPORT)
    services, fields = services_of(request), await posted(request, member)
    number = (await visible_order(services, member.principal, order_no)).order_no
    try:
        decision = fitting(ChooseBackorder, {name: fields.get(name, "") for name in ("choice", "reason")})
        keyed = KeyedRequest(member.principal, key_of(fields), digest(decision))
        await backorder_choosing.choose(services, keyed, number, decision)
    except (Problem, RuleBroken) as error:
        choice = next((one for one in BackorderChoice if one == fields.get("choice")), None)
        if choice is None:
            raise
        return form_page(request, member, _form(request, number, choice), typed=fields, problem=refusal(error))
    return acknowledged(request, f"/console/orders/{number}", f"done.backorder_{decision.choice}")


def _form(
    request: Request, number: str, choice: BackorderChoice, *, whole: bool = False, given: bool = True
) -> ActionForm:
    kind = "cancel_all" if whole and choice is BackorderChoice.CANCEL else choice.value
    means = kind if given or choice is BackorderChoice.WAIT else f"{kind}_unpaid"
    return ActionForm(
        order_no=number,
        action=f"/console/orders/{number}/backorder",
        label=spoken(request, f"backorder.{kind}"),
        consequence=spoken(request, f"backorder.means.{means}"),
        hidden={"choice": choice.value},
        danger=choice is BackorderChoice.CANCEL,
        reason="required",
    )
