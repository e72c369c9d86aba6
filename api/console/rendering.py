"""The console's pages."""

from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse

from api.console.i18n import WORDS
from api.dependencies import services_of
from api.pages.rendering import Site
from api.pages.slot_fields import written
from infra.time_zones import zone_at

SITE = Site("/console", Path(__file__).with_name("templates"), WORDS)


def page(request: Request, template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
    """A page. Templates get what every site's do, and `slot`."""
    shops = services_of(request).settings.portal_time_zone

    def slot(value: dict[str, str], ship_to: dict[str, str] | None) -> str:
        return written(value, zone_at(ship_to, shops))

    return SITE.page(request, template, status=status, slot=slot, **context)
