"""Customers: found, and shown with their orders."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from api.dependencies import Caller, json_response, require, services_of
from api.http.openapi import Answer, operation
from api.http.request_body import read
from api.presenters.orders import listed
from api.schemas.customers import CustomerDetail, CustomerGroup, CustomerPage, SetCustomerGroup
from api.schemas.fields import Identity, Reference
from api.services.customers import customer_groups, customer_queries

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


@router.put(
    "/{customer_id}/group",
    **operation("set_customer_group", Answer(200, CustomerGroup), body=SetCustomerGroup, keyed=False),
)
async def set_group(customer_id: Annotated[Identity, Path()], request: Request, caller: Caller) -> Response:
    """Put a customer into a group, or with null into none. Sourcing knows it from the next decision on. For support and
    operations."""
    require(caller, *customer_groups.SET_BY)
    wanted = (await read(request, SetCustomerGroup)).model
    await customer_groups.put(services_of(request), caller, customer_id, wanted)
    return json_response({"customer_id": customer_id, "customer_group": wanted.customer_group})
