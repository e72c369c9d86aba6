"""The numbers beside links of the navigation."""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from api.console.session import StaffMember, WaitingStaff
from api.dependencies import Services, services_of
from api.pages.rendering import HEADERS
from api.services.collaboration import my_mentions
from api.services.orders import order_dashboard
from domain.access import Role

router = APIRouter(prefix="/console")


@router.get("/counts")
async def counts(request: Request, member: WaitingStaff) -> Response:
    """`{name: text}` for the counts that this role may know; a page asks again and again."""
    services, found = services_of(request), {}
    if member.may(Role.SUPPORT, Role.OPERATIONS):
        found["attention"] = await _attention(services)
    found["for_me"] = await _for_me(services, member)
    return JSONResponse(found, headers=HEADERS)


async def _for_me(services: Services, member: StaffMember) -> str:
    number = await my_mentions.unread(services, member.principal)
    return f"{number}+" if number == my_mentions.COUNTED else str(number or "")


async def _attention(services: Services) -> str:
    number, most = await order_dashboard.needing_attention(services), order_dashboard.COUNTED
    return f"{most}+" if number > most else str(number or "")
