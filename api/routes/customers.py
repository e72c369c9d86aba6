"""Customers: found, and shown with their orders."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from api.dependencies import Caller, json_response, require, services_of
from api.http.openapi import Answer, operation
from api.presenters.orders import listed
from api.schemas.customers import CustomerDetail, CustomerPage
from api.schemas.fields import Identity, Reference
from api.services.customers import customer_queries

router = APIRouter(prefix="/v1/customers", tags=["customers"])


@router.get("", **operation("list_customers", Answer(200, CustomerPage)))
async def find(
    request: Request,
    caller: Caller,
    q: Annotated[
        Reference | None,
        Query(
            description="A customer id; an e-mail address, telephone number or name (whole words, in any order) of the"
            " customer or of a receiver, as known now or as an order named it before."
        ),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: str | None = None,
) -> Response:
    """Customers in the order of their ids; without `q` all of them. For support."""
    require(caller, *customer_queries.READ_BY)
    return json_response(await customer_queries.page(services_of(request), q or "", cursor, limit))


@router.get("/{customer_id}", **operation("get_customer", Answer(200, CustomerDetail)))
async def show(customer_id: Annotated[Identity, Path()], request: Request, caller: Caller) -> Response:
    """A customer: contacts now and before, spend by currency, store credit, the newest 20 orders, messages and returns.
    For support. A contact is corrected on its order (`PATCH /v1/orders/{order_no}/contact`)."""
    require(caller, *customer_queries.READ_BY)
    found = await customer_queries.whole(services_of(request), caller, customer_id)
    orders = [listed(row, caller) for row in found["orders"]]
    return json_response({**found, "orders": orders})
