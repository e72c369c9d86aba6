"""Why an order ships from where it does, for the staff."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.console.rendering import page
from api.console.session import CurrentStaff
from api.dependencies import order_number, services_of
from api.services.sourcing import explanations

router = APIRouter(prefix="/console/orders")


@router.get("/{order_no}/sourcing")
async def sourcing(request: Request, member: CurrentStaff, order_no: str) -> Response:
    """Every warehouse that was considered, with its scores, and why it does not ship."""
    number = order_number(order_no)
    known = await explanations.explanation(services_of(request), member.principal, number)
    kinds = list(dict.fromkeys(kind for one in known.considered for kind in one["criteria"]))
    chosen = {share["warehouse"] for share in known.chosen}
    return page(request, "order_sourcing.html", member=member, order_no=number, known=known, kinds=kinds, chosen=chosen)
