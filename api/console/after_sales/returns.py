"""Returns: the list, and one return with what may be done with it."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from api.console.action_forms import refusal
from api.console.field_errors import field_errors, said
from api.console.forms import digest, fitting, key_of, new_key, whole
from api.console.i18n import WORDS, language
from api.console.rendering import page
from api.console.session import CurrentStaff, StaffMember, posted
from api.dependencies import Services, require, require_staff, services_of
from api.errors import Problem
from api.http.responses import private_picture_response
from api.pages import forms
from api.presenters.return_labels import label_response
from api.schemas.after_sales.returns import FoundPieces, InspectedPieces, RejectReturn
from api.services.after_sales import return_lookup, return_operations, return_photographs
from api.services.after_sales.keyed_request import KeyedRequest, digest_of
from api.services.after_sales.return_lookup import HANDLED_BY, REQUESTED_BY
from api.services.after_sales.return_types import ReturnView
from domain.after_sales.returns import ReturnStatus
from domain.errors import RuleBroken

router = APIRouter(prefix="/console")

PAGE_SIZE = 50
CONDITIONS = ("as_new", "damaged", "missing", "wrong_item")


@router.get("/returns")
async def listed(
    request: Request,
    member: CurrentStaff,
    status: ReturnStatus | Annotated[str, Query(max_length=0)] = "",
    cursor: Annotated[str, Query(max_length=300)] = "",
) -> Response:
    """Returns, the newest first."""
    require_staff(member.principal)
    chosen = status if isinstance(status, ReturnStatus) else None
    found = await return_lookup.list_returns(
        services_of(request), member.principal, chosen, None, cursor or None, PAGE_SIZE
    )
    context: dict[str, Any] = {
        "rows": found.items,
        "next": found.next_cursor,
        "chosen": str(status),
        "statuses": list(ReturnStatus),
    }
    return page(request, "returns.html", member=member, **context)


@router.get("/returns/{return_id}")
async def one(request: Request, member: CurrentStaff, return_id: str) -> Response:
    """One return, and the forms for what this person may do with it."""
    require_staff(member.principal)
    return await _page(request, member, return_id)


async def _page(
    request: Request,
    member: StaffMember,
    return_id: str,
    typed: dict[str, str] | None = None,
    refused: str = "",
    problem: Problem | None = None,
) -> Response:
    """The page; after a refusal, the form of the verb that was refused keeps what was typed."""
    found = await return_lookup.for_staff(services_of(request), member.principal, return_id)
    context: dict[str, Any] = {
        "found": found.order_return,
        "brings_minor": found.expected_minor,
        "currency": found.currency,
        "customer_id": found.customer_id,
        "conditions": CONDITIONS,
        "sees_person": member.may(*HANDLED_BY),
        "uploads": await return_photographs.every(services_of(request), return_id),
        "typed": typed or {},
        "refused": refused,
        "problem": problem,
        "errors": _errors(problem, typed or {}, found.order_return, language(request)) if problem else {},
    }
    status = problem.status_code if problem else 200
    return page(request, "return.html", status=status, member=member, key=new_key(), **context)


@router.get("/returns/{return_id}/photographs/{file_id}")
async def photograph(
    request: Request, member: CurrentStaff, return_id: str, file_id: str, size: Literal["full", "small"] = "full"
) -> Response:
    """A photograph that the customer added to the return."""
    require(member.principal, *return_photographs.SEEN_BY)
    services = services_of(request)
    found = await return_lookup.visible(services, member.principal, return_id)
    picture = await return_photographs.one(services, found["return_id"], file_id, size == "small")
    return private_picture_response(picture)


@router.get("/returns/{return_id}/label")
async def label(request: Request, member: CurrentStaff, return_id: str) -> Response:
    """The label; it carries the customer's address."""
    require(member.principal, *HANDLED_BY)
    await return_lookup.visible(services_of(request), member.principal, return_id)
    return label_response(await return_lookup.label(services_of(request), return_id))


@router.post("/returns/{return_id}/{verb}")
async def operate_return(
    request: Request,
    member: CurrentStaff,
    return_id: str,
    verb: Literal["approve", "reject", "cancel", "receive", "inspect"],
) -> Response:
    """What a button of the page does; what is refused comes back with what was typed, and why at its field."""
    require(member.principal, *(REQUESTED_BY if verb == "cancel" else HANDLED_BY))
    services, fields = services_of(request), await posted(request, member)
    found = await return_lookup.visible(services, member.principal, return_id)
    try:
        await _operate(services, member, fields, found, verb)
    except (Problem, RuleBroken) as error:
        return await _page(request, member, return_id, fields, verb, refusal(error))
    return RedirectResponse(f"/console/returns/{return_id}", 303)


async def _operate(
    services: Services, member: StaffMember, fields: dict[str, str], found: ReturnView, verb: str
) -> None:
    """Do it. Raises what the HTTP calls raise."""
    return_id, key = found["return_id"], f"{key_of(fields)}{verb}"
    plain = KeyedRequest(member.principal, key, digest_of(f"{verb} {return_id}"))
    match verb:
        case "approve":
            await return_operations.approve(services, plain, return_id)
        case "cancel":
            await return_operations.cancel(services, plain, return_id)
        case "reject":
            no = fitting(RejectReturn, {"reason": fields.get("reason", "")})
            await return_operations.reject(
                services, KeyedRequest(member.principal, key, digest(no)), return_id, no.reason
            )
        case "receive":
            pieces = forms.fitting(FoundPieces, _found(fields, found))
            keyed = KeyedRequest(member.principal, key, digest(pieces))
            await return_operations.receive(services, keyed, return_id, pieces)
        case _:
            at = {"location": text} if (text := fields.get("location", "").strip()) else {}
            inspected = forms.fitting(InspectedPieces, _found(fields, found) | at)
            keyed = KeyedRequest(member.principal, key, digest(inspected))
            await return_operations.inspect(services, keyed, return_id, inspected)


def _found(fields: dict[str, str], found: ReturnView) -> dict[str, Any]:
    """The numbers that were typed for each line and condition. Raises Problem."""
    lines = [
        {
            "line_no": line["line_no"],
            "quantity": whole(fields[f"{condition}.{line['line_no']}"]),
            "condition": condition,
        }
        for line, condition in _counted(fields, found)
    ]
    return {"lines": lines}


def _counted(fields: dict[str, str], found: ReturnView) -> list[tuple[Any, str]]:
    """(line, condition) of every number that was typed."""
    return [
        (line, condition)
        for line in found["lines"]
        for condition in CONDITIONS
        if fields.get(f"{condition}.{line['line_no']}", "").strip() not in ("", "0")
    ]


def _errors(problem: Problem, fields: dict[str, str], found: ReturnView, lang: str) -> dict[str, str]:
    """The refusal at its fields: at a number that is none, at every number of a line with too many, at the first
    field where nothing was counted."""
    errors, counted = field_errors(problem, lang), _counted(fields, found)
    names = [f"{condition}.{line['line_no']}" for line, condition in counted]
    for error in problem.errors:
        first, *rest = str(error["field"]).split(".")
        if first == "lines" and rest and int(rest[0]) < len(names):
            errors[names[int(rest[0])]] = errors[str(error["field"])]
        elif first == "lines":
            errors[f"{CONDITIONS[0]}.{found['lines'][0]['line_no']}"] = WORDS.speaker(lang)("field_error.missing")
    if sku := problem.more.get("sku"):
        at = [name for name, (line, _) in zip(names, counted, strict=True) if line["sku"] == sku]
        errors |= dict.fromkeys(at, said(problem, lang))
    return errors
