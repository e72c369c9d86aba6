"""What pages show for a second factor: the picture that an app scans, and the address at which passkeys are valid."""

from urllib.parse import urlsplit

from fastapi import Request
from markupsafe import Markup

from api.dependencies import services_of
from infra.security import passkeys
from infra.security.passkeys import Site


def qr_code(address: str) -> Markup:
    """The address as an inline picture, dark on light in both themes."""
    import segno

    svg = segno.make(address, error="m").svg_inline(scale=4, border=2, dark="#000", light="#fff")
    return Markup(svg)  # noqa: S704 - made here, of squares


def passkey_site(request: Request) -> Site | None:
    """Where passkeys are made: the public address of the console, else the address that the browser asked."""
    configured = services_of(request).settings.console_url
    if configured:
        return passkeys.site_of(configured)
    asked = urlsplit(str(request.base_url))
    return passkeys.site_of(f"{asked.scheme}://{asked.netloc}")


def address_of(request: Request) -> str:
    """The address of the browser; empty where it is unknown."""
    return request.client.host if request.client else ""
