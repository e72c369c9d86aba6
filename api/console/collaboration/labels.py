"""Forms for the tags of an order and for who looks after it."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.authorization import visible_order
from api.console.collaboration import panel
from api.console.session import CurrentStaff, posted
from api.dependencies import require_staff, services_of
from api.errors import Problem
from api.pages import forms
from api.pages.notices import acknowledged
from api.schemas.collaboration.labels import SetAssignee, SetTags
from api.services.collaboration import order_labels
from api.services.collaboration.order_labels import TagChange
from domain.errors import RuleBroken

router = APIRouter(prefix="/console/orders")


@router.post("/{order_no}/tags")
async def tag(request: Request, member: CurrentStaff, order_no: str) -> Response:
    """Add tags (`add`, with commas between them), or remove one (`remove`)."""
    require_staff(member.principal)
    services, fields = services_of(request), await posted(request, member)
    overview, typed = await visible_order(services, member.principal, order_no), fields.get("add", "").strip()
    removed = [fields["remove"]] if fields.get("remove") else []
    try:
        names = [part.strip() for part in typed.replace("，", ",").split(",") if part.strip()]
        if not names and not removed:
            raise Problem("invalid_tag")
        forms.fitting(SetTags, {"tags": [*names, *removed]})
        await order_labels.change_tags(services, member.principal, overview.order_no, TagChange(names, removed))
    except (Problem, RuleBroken) as error:
        return await panel.again(request, member, overview.order_no, error, "tag", typed)
    done = "done.tag_removed" if removed else "done.tag_added"
    return acknowledged(request, f"/console/orders/{overview.order_no}#tags", done)


@router.post("/{order_no}/assignee")
async def assign(request: Request, member: CurrentStaff, order_no: str) -> Response:
    """Assign the order; an empty name assigns nobody."""
    require_staff(member.principal)
    services, fields = services_of(request), await posted(request, member)
    overview, typed = await visible_order(services, member.principal, order_no), fields.get("assignee", "").strip()
    try:
        body = forms.fitting(SetAssignee, {"assignee": typed or None})
        await order_labels.assign(services, member.principal, overview.order_no, body.assignee)
    except (Problem, RuleBroken) as error:
        return await panel.again(request, member, overview.order_no, error, "assignee", typed)
    address = f"/console/orders/{overview.order_no}#assignee"
    if typed:
        return acknowledged(request, address, "done.assigned", name=typed)
    return acknowledged(request, address, "done.unassigned")
