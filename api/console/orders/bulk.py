"""Actions on the orders that were chosen in the table: a preview with a form, then a job and what became of each."""

from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from api.console.approvals.approval_requests import after_action
from api.console.orders.table_query import PATH, AskedRightly, Parameters
from api.console.rendering import page
from api.console.session import CurrentStaff, StaffMember, posted
from api.dependencies import require, services_of
from api.errors import Problem
from api.pages.forms import digest, fitting, key_of, new_key
from api.schemas.fields import LINE
from api.schemas.orders.bulk import BulkOrders
from api.services.collaboration import order_labels
from api.services.orders import bulk_actions, orders_table
from api.services.orders.bulk_actions import job_of
from domain.orders.bulk_actions import BULK, MAX_ORDERS, BulkAction
from domain.orders.holds import HoldKind
from domain.orders.priority import Priority
from domain.text import is_visible

router = APIRouter(prefix=PATH)
OrderNo = Annotated[str, Query(max_length=40, pattern=LINE)]
FileAction = Literal["export_csv", "export_xlsx", "print", "print_invoices", "print_slips", "labels", "print_all"]
FILES = {"export_csv": "csv", "export_xlsx": "xlsx"}
PRINTS = {
    "print": "packing-slips?",
    "print_invoices": "print?kind=invoices&",
    "print_slips": "print?kind=packing_slips&",
    "labels": "print?kind=labels&",
    "print_all": "print?kind=all&",
}
# What the preview asks with before anybody has chosen.
_FIRST: dict[BulkAction, dict[str, Any]] = {
    BulkAction.HOLD: {"kind": HoldKind.MANUAL},
    BulkAction.PRIORITISE: {"priority": Priority.URGENT},
}


@router.get("/bulk")
async def preview(
    request: Request,
    member: CurrentStaff,
    asked: AskedRightly,
    action: BulkAction | FileAction,
    order_no: Annotated[list[OrderNo], Query(max_length=MAX_ORDERS)] = [],  # noqa: B006
    all: bool = False,
) -> Response:
    """How many of the orders the action fits, why it does not fit the others, and the form that does it."""
    numbers = await _matching(request, asked) if all else list(dict.fromkeys(order_no))
    if action in PRINTS:
        query = urlencode([("order_no", one) for one in numbers[:MAX_ORDERS]])
        return RedirectResponse(f"{PATH}/{PRINTS[action]}{query}", 303)
    if not isinstance(action, BulkAction):
        chosen = [] if all else [("order_no", number) for number in numbers]
        query = urlencode([("format", FILES[action]), *(asked.values.items() if all else ()), *chosen])
        return RedirectResponse(f"{PATH}/export?{query}", 303)
    require(member.principal, *BULK[action].roles)
    fields = {"action": action.value, "orders": " ".join(numbers), "back": asked.link()}
    return await _form(request, member, action, {**fields, **_FIRST.get(action, {})})


@router.post("/bulk")
async def carry_out(request: Request, member: CurrentStaff) -> Response:
    """Open the job, and show it."""
    fields = await posted(request, member)
    action = BulkAction(fields["action"]) if fields.get("action") in list(BulkAction) else None
    if action is None:
        raise Problem("unknown_action")
    require(member.principal, *BULK[action].roles)
    try:
        body = _body(action, fields)
        done = await bulk_actions.open_job(services_of(request), member.principal, key_of(fields), digest(body), body)
    except Problem as problem:
        if problem.status_code != 422:
            raise
        return await _form(request, member, action, fields, problem)
    return after_action(request, done, f"{PATH}/jobs/{job_of(done)}", "done.orders.bulk")


@router.get("/jobs/{job_id}")
async def job(request: Request, member: CurrentStaff, job_id: str) -> Response:
    """What became of each order, live until the job is over."""
    found = await bulk_actions.job(services_of(request), member.principal, job_id)
    template = "order_job_live.html" if request.headers.get("x-live") else "order_job.html"
    return page(request, template, member=member, found=found, job=found.job, moved=found.progress, key=new_key())


async def _matching(request: Request, asked: Parameters) -> list[str]:
    services = services_of(request)
    return await orders_table.chosen_numbers(services, asked.filters(), asked.get("customer"), MAX_ORDERS)


async def _form(
    request: Request, member: StaffMember, action: BulkAction, fields: dict[str, Any], problem: Problem | None = None
) -> Response:
    numbers = str(fields.get("orders", "")).split()
    too_many = len(numbers) > MAX_ORDERS
    found = None
    if numbers and not too_many and _complete(action, fields):
        probe = fitting(BulkOrders, {**_chosen(action, fields), "order_nos": numbers, "reason": "-"})
        found = await bulk_actions.preview(services_of(request), member.principal, probe)
    context: dict[str, Any] = {
        "action": action,
        "fields": fields,
        "found": found,
        "numbers": numbers,
        "needs": BULK[action].needs,
        "with_reason": BULK[action].with_reason,
        "tags": await order_labels.known_tags(services_of(request), "", order_labels.SUGGESTED),
        "staff": await order_labels.staff_names(services_of(request)) if action is BulkAction.ASSIGN else [],
        "too_many": too_many,
        "max_orders": MAX_ORDERS,
        "holds": list(HoldKind),
        "priorities": list(Priority),
        "problem": problem,
        "key": new_key(),
        "back": fields["back"] if str(fields.get("back", "")).startswith(PATH) else PATH,
    }
    status = problem.status_code if problem else 422 if too_many or not numbers else 200
    return page(request, "order_bulk.html", status=status, member=member, **context)


def _complete(action: BulkAction, fields: dict[str, Any]) -> bool:
    """Whether it is known already what is to be done, so that the orders can be sorted out."""
    return BULK[action].needs != "tag" or bool(str(fields.get("tag", "")).strip())


def _body(action: BulkAction, fields: dict[str, str]) -> BulkOrders:
    numbers = fields.get("orders", "").split()
    return fitting(BulkOrders, {**_chosen(action, fields), "order_nos": numbers, **_reason(action, fields)})


def _reason(action: BulkAction, fields: dict[str, str]) -> dict[str, str]:
    """Raises Problem `reason_missing`."""
    if not BULK[action].with_reason:
        return {}
    if not is_visible(fields.get("reason", "")):
        raise Problem("reason_missing")
    return {"reason": fields["reason"]}


def _chosen(action: BulkAction, fields: dict[str, Any]) -> dict[str, Any]:
    """The action with what belongs to it alone."""
    own = BULK[action].needs
    return {"action": action, **({own: fields.get(own, "")} if own else {})}
