"""What surrounds every request: a bound on its body, and its count and time."""

import re
from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import MEDIA_TYPE, Problem, body
from infra.observability.metrics import HTTP_REQUESTS, HTTP_SECONDS

_DETAIL = "the body is larger than this server accepts"
# Where pictures and files are uploaded, the other bound holds.
_UPLOADS = ("/picture", "/logo", "/product-imports", "/product-import")
# Where bills of carriers are: a million rows.
_BILLS = ("/v1/carrier-bills", "/console/new/carrier-bill")
# Where several are, so many times that one.
_SEVERAL, _AT_ONCE = re.compile(r"/photographs$|^/portal/orders/[^/]+/return$"), 5
# A browser shows an answer only once it has sent its form: what is too large is read up to so many times the bound, and
# thrown away.
_PAGES = ("/console/", "/portal/")
_READ_AWAY = 8


class BodyLimit:
    """Refuses bodies over `limit` bytes, uploads over `upload_limit`, bills of carriers over `bill_limit` (413
    `body_too_large`): at once by Content-Length, else while reading. A form of a page is refused where the page reads
    it, so that a page says so."""

    def __init__(self, app: ASGIApp, limit: int, upload_limit: int = 0, bill_limit: int = 0) -> None:
        self.app, self.limit, self.upload_limit = app, limit, max(limit, upload_limit)
        self.bill_limit = max(limit, bill_limit)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        left = bound = self._bound(scope["path"])
        announced = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        of_a_page = scope["path"].startswith(_PAGES)
        if not announced.isdigit() or (int(announced) > left and not of_a_page):
            await _refuse(send, scope["path"])
            return

        async def bounded() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                if of_a_page:
                    await _read_away(receive, message, min(bound, self.upload_limit) * _READ_AWAY)
                raise Problem("body_too_large", _DETAIL)
            return message

        await self.app(scope, bounded, send)

    def _bound(self, path: str) -> int:
        if _SEVERAL.search(path):
            return self.upload_limit * _AT_ONCE
        if path in _BILLS:
            return self.bill_limit
        return self.upload_limit if path.endswith(_UPLOADS) else self.limit


async def _read_away(receive: Receive, message: Message, most: int) -> None:
    """Receive the rest of a body, at most `most` bytes of it, and keep nothing."""
    while message["type"] == "http.request" and message.get("more_body") and most > 0:
        message = await receive()
        most -= len(message.get("body", b""))


async def _refuse(send: Send, path: str) -> None:
    content = body(413, "body_too_large", _DETAIL, path)
    headers = [
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", str(len(content)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": content})


class Measured:
    """Counts and times requests by route template, so that no order number becomes a label."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started_s, status = perf_counter(), 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, noted)
        finally:
            route = getattr(scope.get("route"), "path", "unmatched")
            method = scope["method"] if scope["method"] in _METHODS else "other"
            HTTP_REQUESTS.labels(route, method, str(status)).inc()
            HTTP_SECONDS.labels(route, method).observe(perf_counter() - started_s)


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
