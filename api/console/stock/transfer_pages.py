"""Transfers: listed, requested, shipped, received, cancelled."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel

from api.console.catalogue import fields as typed
from api.console.catalogue.fields import FormErrors
from api.console.forms import digest, key_of, new_key
from api.console.rendering import page
from api.console.session import CurrentStaff, StaffMember, posted
from api.console.stock import typed_lines
from api.dependencies import Services, require, require_staff, services_of
from api.errors import Problem
from api.pages.forms import fitting
from api.pages.notices import acknowledged
from api.replies import Reply
from api.schemas.fields import SoughtText
from api.schemas.stock_transfers import CancelTransfer, NewTransfer, ReceiveTransfer, ShipTransfer
from api.services.catalogue import warehouse_entries
from api.services.stock import stock_transfers
from api.services.stock.stock_movements import StockRequest
from domain.access import Role
from domain.errors import NotFound, RuleBroken
from domain.stock.transfers import TransferStatus

router = APIRouter(prefix="/console")
_HOME = "/console/transfers"
_ON_A_PAGE = 50


@dataclass(frozen=True, slots=True)
class Step:
    """A form of a transfer's page: the body of its call, and what does it."""

    model: type[BaseModel]
    do: Callable[[StockRequest, str, Any], Awaitable[Reply]]


async def _cancel(asked: StockRequest, transfer_id: str, _: CancelTransfer) -> Reply:
    return await stock_transfers.cancel(asked, transfer_id)


STEPS: dict[str, Step] = {
    "ship": Step(ShipTransfer, stock_transfers.ship),
    "receive": Step(ReceiveTransfer, stock_transfers.receive),
    "cancel": Step(CancelTransfer, _cancel),
}
_POSSIBLE = {TransferStatus.REQUESTED: ("ship", "cancel"), TransferStatus.SHIPPED: ("receive",)}


@router.get("/transfers")
async def transfers(
    request: Request, member: CurrentStaff, status: str = "", warehouse: SoughtText = "", cursor: str | None = None
) -> Response:
    """Transfers, the newest first."""
    require_staff(member.principal)
    services = services_of(request)
    chosen = TransferStatus(status) if status in list(TransferStatus) else None
    found, following = await stock_transfers.page(services, chosen, warehouse or None, _ON_A_PAGE, cursor or None)
    kept = {"status": str(chosen or ""), "warehouse": warehouse}
    filled = {name: text for name, text in kept.items() if text}
    context: dict[str, Any] = {
        "rows": found,
        "chosen": kept,
        "statuses": list(TransferStatus),
        "warehouses": await warehouse_entries.everything(services),
        "next": f"{_HOME}?{urlencode(filled | {'cursor': following})}" if following else "",
    }
    return page(request, "transfers.html", member=member, **context)


@router.get("/new/transfer")
async def new(request: Request, member: CurrentStaff) -> Response:
    """The form of a transfer."""
    require(member.principal, Role.WAREHOUSE)
    return await _form(request, member, {})


@router.post("/new/transfer")
async def add(request: Request, member: CurrentStaff) -> Response:
    """Request it."""
    require(member.principal, Role.WAREHOUSE)
    fields = await posted(request, member)
    try:
        body = fitting(NewTransfer, _body(fields))
        asked = StockRequest(services_of(request), member.principal, key_of(fields), digest(body))
        made = await stock_transfers.request(asked, body)
    except (Problem, RuleBroken) as refused:
        errors = FormErrors(request, refused, await _places(services_of(request), fields))
        return await _form(request, member, typed.typed_of(fields), errors)
    return acknowledged(request, _path(stock_transfers.transfer_of(made)), "done.transfer")


@router.get("/transfers/{transfer_id}")
async def transfer(request: Request, member: CurrentStaff, transfer_id: str) -> Response:
    """A transfer with what can be done next."""
    require_staff(member.principal)
    return await _page(request, member, transfer_id)


@router.post("/transfers/{transfer_id}/{step}")
async def take(request: Request, member: CurrentStaff, transfer_id: str, step: str) -> Response:
    """Ship, receive or cancel it."""
    if (wanted := STEPS.get(step)) is None:
        raise NotFound("not_found")
    require(member.principal, Role.WAREHOUSE)
    fields = await posted(request, member)
    try:
        body = fitting(wanted.model, _units(step, fields))
        asked = StockRequest(services_of(request), member.principal, key_of(fields), digest(body))
        await wanted.do(asked, transfer_id, body)
    except NotFound:
        raise
    except (Problem, RuleBroken) as refused:
        return await _page(request, member, transfer_id, typed.typed_of(fields), FormErrors(request, refused))
    return acknowledged(request, _path(transfer_id), f"done.transfer_{step}")


async def _places(services: Services, fields: dict[str, str]) -> dict[str, str]:
    """At which field of the form a refusal stands."""
    known = {one.code for one in await warehouse_entries.everything(services)}
    unknown = "to" if fields.get("to", "").strip() not in known else "from"
    lines = dict.fromkeys(("stock_not_available", "invalid_quantity", "product_not_found"), "lines")
    return {"unknown_warehouse": unknown, "warehouse_inactive": "to", **lines}


def _wrong_units(fields: dict[str, str], errors: FormErrors | None) -> dict[str, str]:
    """{SKU: what is wrong with its units}."""
    if errors is None:
        return {}
    skus = [name.removeprefix("units-") for name in fields if name.startswith("units-")]
    places = [str(error["field"]).split(".") for error in errors.problem.errors]
    typed_wrong = [skus[int(place[1])] for place in places if place[0] == "lines" and len(place) > 1]
    words = errors.at("lines") or errors.at("units") or errors.at("quantity")
    return dict.fromkeys([*typed_wrong, *filter(None, [errors.problem.more.get("sku")])], words)


def _body(fields: dict[str, str]) -> dict[str, Any]:
    lines = typed_lines.units(fields.get("lines", ""))
    return {**typed.texts(fields, "from", "to", "reference", "expected_on"), "lines": lines}


def _units(step: str, fields: dict[str, str]) -> dict[str, Any]:
    if step == "cancel":
        return {}
    named = {name.removeprefix("units-"): text.strip() for name, text in fields.items() if name.startswith("units-")}
    lines = [{"sku": sku, "quantity": typed_lines.number(text)} for sku, text in named.items()]
    more = {"more_expected": True} if fields.get("more_expected") else {}
    return {"lines": lines, **more, **(typed.texts(fields, "location") if step == "receive" else {})}


def _path(transfer_id: str) -> str:
    return f"{_HOME}/{quote(transfer_id, safe='')}"


async def _form(
    request: Request, member: StaffMember, fields: dict[str, str], errors: FormErrors | None = None
) -> Response:
    places = [
        (one.code, f"{one.name} ({one.code})") for one in await warehouse_entries.everything(services_of(request))
    ]
    context: dict[str, Any] = {"places": places, "fields": fields, "errors": errors, "key": new_key()}
    return page(request, "transfer_form.html", status=errors.status if errors else 200, member=member, **context)


async def _page(
    request: Request,
    member: StaffMember,
    transfer_id: str,
    fields: dict[str, str] | None = None,
    errors: FormErrors | None = None,
) -> Response:
    found = await stock_transfers.one(services_of(request), transfer_id)
    context: dict[str, Any] = {
        "transfer": found,
        "steps": _POSSIBLE.get(found.status, ()) if member.may(Role.WAREHOUSE) else (),
        "fields": fields or {},
        "errors": errors,
        "wrong": _wrong_units(fields or {}, errors),
        "key": new_key(),
        "here": _path(transfer_id),
    }
    return page(request, "transfer.html", status=errors.status if errors else 200, member=member, **context)
