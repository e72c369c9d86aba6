"""A customer's store credit: what can be spent, and how it came and went."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from api.console.rendering import page
from api.console.session import CurrentStaff
from api.dependencies import require, services_of
from api.schemas.fields import Identity
from api.services.payments.store_credits import READ_BY, statement

router = APIRouter(prefix="/console/customers")

PAGE_SIZE = 50


@router.get("/{customer_id:path}/store-credit")
async def of_customer(
    request: Request,
    member: CurrentStaff,
    customer_id: Annotated[Identity, Path()],
    cursor: Annotated[str, Query(max_length=300)] = "",
) -> Response:
    """Balances by currency, and the entries behind them, newest first."""
    require(member.principal, *READ_BY)
    found = await statement(services_of(request), customer_id, cursor or None, PAGE_SIZE)
    return page(request, "store_credit.html", member=member, found=found)
