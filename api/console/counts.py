"""The numbers beside links of the navigation."""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from api.console.session import StaffMember, WaitingStaff
from api.dependencies import Services, services_of
from api.pages.rendering import HEADERS
from api.services.collaboration import my_mentions
from api.services.orders import order_dashboard
from api.services.payments import credit
from api.services.payments.credit import COUNTED
from api.services.stock import stock_cases
from domain.access import Role

router = APIRouter(prefix="/console")


@router.get("/counts")
async def counts(request: Request, member: WaitingStaff) -> Response:
    """`{name: text}` for the counts that this role may know; a page asks again and again."""
    services = services_of(request)
    found = await _attention(services, member)
    if member.may(*credit.READ_BY):
        late = await credit.escalated(services)
        found["receivables"] = f"{COUNTED}+" if late >= COUNTED else str(late or "")
    found["for_me"] = await _for_me(services, member)
    return JSONResponse(found, headers=HEADERS)


async def _for_me(services: Services, member: StaffMember) -> str:
    number = await my_mentions.unread(services, member.principal)
    return f"{number}+" if number == my_mentions.COUNTED else str(number or "")


async def _attention(services: Services, member: StaffMember) -> dict[str, str]:
    """Orders that need support, and stock cases: the place of both in the navigation has their sum."""
    found, waiting, most = {}, 0, order_dashboard.COUNTED
    if member.may(*stock_cases.WORKED_ON_BY):
        waiting = await stock_cases.waiting(services)
        found["stock_cases"] = _shown(waiting, most)
    if member.may(Role.SUPPORT, Role.OPERATIONS):
        waiting += await order_dashboard.needing_attention(services)
    elif not found:
        return {}
    return found | {"attention": _shown(waiting, most)}


def _shown(number: int, most: int) -> str:
    return f"{most}+" if number > most else str(number or "")
