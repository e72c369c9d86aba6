"""What a customer has in store credit, and how it came and went."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from api.dependencies import Caller, json_response, require, services_of
from api.http.openapi import Answer, operation
from api.schemas.fields import Identity
from api.schemas.payments.store_credit import StoreCredit
from api.services.payments import store_credits
from domain.access import Role
from domain.errors import NotFound

router = APIRouter(prefix="/v1/customers", tags=["store credit"])


@router.get("/{customer_id}/store-credit", **operation("get_store_credit", Answer(200, StoreCredit)))
async def read_store_credit(
    customer_id: Annotated[Identity, Path()],
    request: Request,
    caller: Caller,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: str | None = None,
) -> Response:
    """Balances by currency, and the entries behind them, newest first. For the customer, support and finance."""
    require(caller, Role.CUSTOMER, *store_credits.READ_BY)
    if caller.role is Role.CUSTOMER and caller.subject != customer_id:
        raise NotFound("customer_not_found", "only your own store credit is shown to you")
    return json_response(await store_credits.statement(services_of(request), customer_id, cursor, limit))
