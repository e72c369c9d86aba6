"""What a customer has in store credit, and how it came and went."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from api import paging
from api.dependencies import Caller, json_response, require, services
from api.documentation import problems
from api.schemas.store_credit import StoreCredit
from api.schemas.text import Identity
from domain.access import Role
from domain.errors import NotFound
from infra.db import store_credit

router = APIRouter(prefix="/v1/customers", tags=["store credit"])

NEWEST = 2**63 - 1


@router.get("/{customer_id}/store-credit", response_model=StoreCredit, responses=problems())
async def read_store_credit(
    customer_id: Annotated[Identity, Path()],
    request: Request,
    caller: Caller,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: str | None = None,
) -> Response:
    """Balances by currency, and the entries behind them, newest first. For the customer, support and finance."""
    require(caller, Role.CUSTOMER, Role.SUPPORT, Role.FINANCE)
    before = paging.large_number(cursor) if cursor else NEWEST
    if caller.role is Role.CUSTOMER and caller.subject != customer_id:
        raise NotFound("customer_not_found", "only your own store credit is shown to you")
    async with services(request).database.begin() as conn:
        found = await store_credit.statement_of(conn, customer_id, before, limit + 1)
    if found is None:
        raise NotFound("customer_not_found", "no order ever named this customer")
    balances, entries = found
    more = len(entries) > limit
    shown = {"customer_id": customer_id, "balances": balances, "items": entries[:limit]}
    return json_response(shown | {"next_cursor": paging.encoded([entries[limit - 1]["entry_id"]]) if more else None})
