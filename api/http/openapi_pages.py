"""The pages that show the OpenAPI document, Swagger UI and ReDoc: served from here, with a content security policy."""

import base64
import hashlib
import re
from pathlib import Path

import fastapi_offline
from fastapi import FastAPI
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

ASSETS = "/static-offline-docs"
_FOLDER = Path(fastapi_offline.__file__).with_name("static")
_INLINE = re.compile(rb"<script>(.*?)</script>", re.DOTALL)


def install(app: FastAPI) -> None:
    """Serve `/docs` and `/redoc`; `app` is made without pages of its own."""
    icon = f"{ASSETS}/favicon.png"
    swagger = get_swagger_ui_html(
        openapi_url=str(app.openapi_url),
        title=f"{app.title}: calls",
        swagger_js_url=f"{ASSETS}/swagger-ui-bundle.js",
        swagger_css_url=f"{ASSETS}/swagger-ui.css",
        swagger_favicon_url=icon,
    )
    redoc = get_redoc_html(
        openapi_url=str(app.openapi_url),
        title=f"{app.title}: reference",
        redoc_js_url=f"{ASSETS}/redoc.standalone.js",
        redoc_favicon_url=icon,
        with_google_fonts=False,
    )
    app.mount(ASSETS, StaticFiles(directory=_FOLDER), name="documentation-assets")
    for path, page in (("/docs", swagger), ("/redoc", redoc)):
        _serve(app, path, bytes(page.body))


def _serve(app: FastAPI, path: str, content: bytes) -> None:
    headers = {"Content-Security-Policy": policy(content)}

    async def page() -> HTMLResponse:
        return HTMLResponse(content, headers=headers)

    app.add_api_route(path, page, methods=["GET"], include_in_schema=False)


def policy(content: bytes) -> str:
    """Scripts of ours and the page's own inline one by its hash. Both viewers write style attributes, and ReDoc runs
    its search in a worker."""
    digests = (base64.b64encode(hashlib.sha256(script).digest()).decode() for script in _INLINE.findall(content))
    scripts = " ".join(f"'sha256-{digest}'" for digest in digests)
    return (
        f"default-src 'none'; script-src 'self' {scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "connect-src 'self'; worker-src blob:; font-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
        "form-action 'none'"
    )
