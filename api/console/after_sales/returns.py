"""Returns: the list, and one return with what may be done with it."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from api.console.forms import digest, fitting, key_of, new_key, whole
from api.console.rendering import page
from api.console.session import CurrentStaff, posted
from api.dependencies import require, require_staff, services_of
from api.http.responses import private_picture_response
from api.pages import forms
from api.presenters.return_labels import label_response
from api.schemas.after_sales.returns import FoundPieces, RejectReturn
from api.services.after_sales import return_lookup, return_operations, return_photographs
from api.services.after_sales.keyed_request import KeyedRequest, digest_of
from api.services.after_sales.return_lookup import HANDLED_BY, REQUESTED_BY
from api.services.after_sales.return_types import ReturnView
from domain.after_sales.returns import ReturnStatus

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
    found = await return_lookup.for_staff(services_of(request), member.principal, return_id)
    context: dict[str, Any] = {
        "found": found.order_return,
        "brings_minor": found.expected_minor,
        "currency": found.currency,
        "customer_id": found.customer_id,
        "conditions": CONDITIONS,
        "sees_person": member.may(*HANDLED_BY),
        "uploads": await return_photographs.every(services_of(request), return_id),
    }
    return page(request, "return.html", member=member, key=new_key(), **context)


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
    """What a button of the page does."""
    require(member.principal, *(REQUESTED_BY if verb == "cancel" else HANDLED_BY))
    services, fields = services_of(request), await posted(request, member)
    found = await return_lookup.visible(services, member.principal, return_id)
    key = f"{key_of(fields)}{verb}"
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
        case _:
            pieces = _found(fields, found)
            does = return_operations.receive if verb == "receive" else return_operations.inspect
            await does(services, KeyedRequest(member.principal, key, digest(pieces)), return_id, pieces)
    return RedirectResponse(f"/console/returns/{return_id}", 303)


def _found(fields: dict[str, str], found: ReturnView) -> FoundPieces:
    """The numbers that were typed for each line and condition. Raises Problem."""
    lines = [
        {"line_no": line["line_no"], "quantity": whole(typed), "condition": condition}
        for line in found["lines"]
        for condition in CONDITIONS
        if (typed := fields.get(f"{condition}.{line['line_no']}", "").strip()) not in ("", "0")
    ]
    return forms.fitting(FoundPieces, {"lines": lines})
