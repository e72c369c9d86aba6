"""Sourcing: what could be sent where and when, and why an order ships from where it does."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.authorization import visible_order
from api.dependencies import Caller, idempotency_key, json_response, require, require_staff, services_of
from api.http.openapi import Answer, operation
from api.http.request_body import read
from api.http.responses import response_of
from api.schemas.fields import Country, OptionalText, Sku
from api.schemas.sourcing import Availability, ChooseWarehouse, ChosenWarehouse, OrderSourcing
from api.services.after_sales.keyed_request import KeyedRequest
from api.services.sourcing import explanations, overrides
from api.services.sourcing.availability import Question, availability
from domain.access import Role
from domain.orders.lines import MAX_QUANTITY

router = APIRouter(prefix="/v1", tags=["sourcing"])

Wanted = Annotated[int, Query(ge=1, le=MAX_QUANTITY)]


@router.get("/availability", **operation("get_availability", Answer(200, Availability)))
async def get_availability(
    request: Request,
    caller: Caller,
    sku: Sku,
    country: Country,
    quantity: Wanted = 1,
    province: OptionalText = "",
    city: OptionalText = "",
) -> Response:
    """Whether so many units can be sent there, from which warehouses, and when they arrive: decided as an order would
    be. Where stock is short, units that are on their way count with their date (`backorder`). Nothing is reserved."""
    channel = caller.subject if caller.role is Role.CHANNEL else ""
    customer_id = caller.subject if caller.role is Role.CUSTOMER else ""
    asked = Question(sku, quantity, country, province, city, channel, customer_id)
    offer = await availability(services_of(request), asked)
    found = offer.promise
    plan = [
        {"warehouse": part.warehouse, "quantity": part.quantity, "ships_by": part.ships_by,
         "arrives_by": part.arrives_by}
        for part in found.plan
    ]  # fmt: skip
    dates = {"promised_from": found.promised_from, "promised_to": found.promised_to}
    return json_response({"available": found.available, "backorder": offer.backorder, **dates, "plan": plan})


@router.get("/orders/{order_no}/sourcing", **operation("get_order_sourcing", Answer(200, OrderSourcing)))
async def get_order_sourcing(order_no: str, request: Request, caller: Caller) -> Response:
    """What was considered for the order, how each warehouse scored, and why the others do not ship; for the staff."""
    require_staff(caller)
    return json_response(asdict(await explanations.explanation(services_of(request), caller, order_no)))


@router.post(
    "/orders/{order_no}/sourcing",
    **operation("choose_warehouse", Answer(200, ChosenWarehouse), body=ChooseWarehouse),
)
async def choose_warehouse(order_no: str, request: Request, caller: Caller) -> Response:
    """Ship a fulfilment from another warehouse: its stock is released and reserved there in one step. 409
    `fulfilment_booked` once a carrier is booked for it, `stock_short` where the warehouse has less than is needed."""
    require(caller, *overrides.OVERRIDDEN_BY)
    services, key = services_of(request), idempotency_key(request)
    number = (await visible_order(services, caller, order_no)).order_no
    parsed = await read(request, ChooseWarehouse)
    return response_of(await overrides.choose(services, KeyedRequest(caller, key, parsed.digest), number, parsed.model))
