"""Settings: what can be set here, and by whom."""

from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.console.rendering import page
from api.console.session import CurrentStaff
from domain.access import Role

router = APIRouter(prefix="/console/settings")


@dataclass(frozen=True, slots=True)
class Setting:
    """A page of settings: `name` is a key of words, `roles` who may open it (nobody named: all staff)."""

    name: str
    href: str
    icon: str
    roles: tuple[Role, ...] = ()


SETTINGS = (
    Setting("own_account", "/console/account", "customers"),
    Setting("team", "/console/settings/staff", "customers", (Role.ADMIN,)),
    Setting("products", "/console/products", "products", (Role.OPERATIONS,)),
    Setting("warehouses", "/console/warehouses", "truck", (Role.OPERATIONS,)),
    Setting("notices", "/console/notices", "alerts", (Role.OPERATIONS,)),
    Setting("webhooks", "/console/webhooks", "external", (Role.OPERATIONS,)),
    Setting("nav.channels", "/console/settings/channels", "home", (Role.OPERATIONS,)),
    Setting("nav.sourcing", "/console/settings/sourcing", "truck", (Role.OPERATIONS,)),
    Setting("nav.audit", "/console/audit", "reports", (Role.ADMIN,)),
)


@router.get("")
async def index(request: Request, member: CurrentStaff) -> Response:
    """All of them; what a role may not open says who may."""
    return page(request, "settings.html", member=member, settings=SETTINGS)
