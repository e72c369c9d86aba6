"""Retry now, pause and resume from an order's page: the form names the step, and its button does it."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.authorization import visible_order
from api.console.action_forms import ActionForm, form_page, reason_in, refusal, spoken
from api.console.i18n import WORDS, language
from api.console.session import CurrentStaff, posted
from api.console.support.workflow_operations import claim
from api.dependencies import require, services_of
from api.errors import Problem
from api.pages.forms import fitting
from api.pages.notices import acknowledged
from api.schemas.support.workflow_operations import ActivityAct
from api.services.support import workflow_operations
from domain.access import Role
from domain.errors import RuleBroken
from infra.temporal.running_activities import ActivityAction, RunningActivity

router = APIRouter(prefix="/console/orders")


@router.get("/{order_no}/activity/{action}")
async def form(request: Request, member: CurrentStaff, order_no: str, action: ActivityAction) -> Response:
    """What the action does to the step that runs now. Asks Temporal."""
    require(member.principal, Role.SUPPORT)
    number = (await visible_order(services_of(request), member.principal, order_no)).order_no
    found = await _activity(request, number, action)
    if found is None:
        return form_page(request, member, _form(request, number, action, None), problem=Problem("activity_over"))
    return form_page(request, member, _form(request, number, action, found))


@router.post("/{order_no}/activity/{action}")
async def change_activity(request: Request, member: CurrentStaff, order_no: str, action: ActivityAction) -> Response:
    """Do it to the activity that the form named."""
    require(member.principal, Role.SUPPORT)
    services, fields = services_of(request), await posted(request, member)
    number = (await visible_order(services, member.principal, order_no)).order_no
    form = _form(request, number, action, None, fields)
    try:
        value = {"activity": fields.get("activity", ""), "action": action, "reason": reason_in(fields, form)}
        body, activity_id = fitting(ActivityAct, value), fields.get("activity_id", "")
        keyed = claim(member, fields, f"{number}\n{activity_id}", body)
        await workflow_operations.operate_activity(services, member.principal, keyed, number, activity_id, body)
    except (Problem, RuleBroken) as error:
        return form_page(request, member, form, typed=fields, problem=refusal(error))
    return acknowledged(request, f"/console/orders/{number}", f"done.{action}")


async def _activity(request: Request, number: str, action: ActivityAction) -> RunningActivity | None:
    """The activity that it is for: one that failed before one that did not."""
    found = await workflow_operations.under_way(services_of(request), number)
    fitting_ones = [one for one in found.activities if action in workflow_operations.possible(one)]
    return next((one for one in fitting_ones if one.error or one.paused), fitting_ones[0] if fitting_ones else None)


def _form(
    request: Request,
    number: str,
    action: ActivityAction,
    found: RunningActivity | None,
    fields: dict[str, str] | None = None,
) -> ActionForm:
    named = {"activity_id": found.activity_id, "activity": found.name} if found else {}
    for name in ("activity_id", "activity"):
        if fields and fields.get(name):
            named[name] = fields[name]
    words = WORDS.code_words(language(request), "activity", named["activity"]) if named.get("activity") else ""
    return ActionForm(
        order_no=number,
        action=f"/console/orders/{number}/activity/{action}",
        label=WORDS.code_words(language(request), "action", action),
        consequence=f"{words + spoken(request, 'colon') if words else ''}{spoken(request, f'running.means.{action}')}",
        hidden=named,
    )
