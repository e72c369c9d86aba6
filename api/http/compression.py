"""Pages are compressed; answers of the API are not: their programs are near, and each costs time."""

from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

_PAGES = ("/console", "/portal")
_FROM_BYTES = 1_000
# A higher level costs twice the time for a tenth of the size.
_LEVEL = 2


class CompressedPages:
    """Compresses what people load, where the browser takes it. A form's proof is masked in each page (api.pages.forms),
    so that the length of an answer tells nothing about it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app, self._packing = app, GZipMiddleware(app, minimum_size=_FROM_BYTES, compresslevel=_LEVEL)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        pages = scope["type"] == "http" and scope["path"].startswith(_PAGES)
        await (self._packing if pages else self.app)(scope, receive, send)
