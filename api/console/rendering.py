"""The console's pages."""

from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse

from api.console.words import WORDS
from api.dependencies import services
from api.pages.rendering import Site
from api.pages.slots import written

SITE = Site("/console", Path(__file__).with_name("templates"), WORDS)


def page(request: Request, template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
    """A page. Templates get what every site's do, and `slot`."""
    zone = services(request).settings.portal_time_zone

    def slot(value: dict[str, str]) -> str:
        return written(value, zone)

    return SITE.page(request, template, status=status, slot=slot, **context)
