"""What holds for every request and answer: calls without a token are counted by address, and each answer says how a
browser may treat it."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import MEDIA_TYPE, Problem, body
from api.http.rate_limits import Allowance, RateLimits
from infra.settings import Settings

# Probes are answered whatever else comes from their address; webhooks prove themselves by a signature, and a wrong one
# is counted where it is refused.
_STATIC = ("/console/static/", "/portal/static/")
_CACHED = (*_STATIC, "/static-offline-docs/")
_UNCOUNTED = ("/healthz", "/readyz", "/metrics", "/v1/webhooks/", *_STATIC)
_YEAR_S = 31_536_000
_NO_SNIFF = (b"x-content-type-options", b"nosniff")
_NO_STORE = (b"cache-control", b"no-store")
_HSTS = (b"strict-transport-security", f"max-age={_YEAR_S}".encode())


class Guard:
    """Refuses addresses that call too often without a token (429 `rate_limited`), completes the headers of answers."""

    def __init__(self, app: ASGIApp, settings: Settings, limits: RateLimits) -> None:
        self.app, self._limits = app, limits
        self._https = public_https(settings.console_url, settings.portal_url)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope.setdefault("state", {})

        async def complete(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._complete(scope, message["headers"])
            await send(message)

        try:
            self._count(scope)
        except Problem as problem:
            await _refuse(complete, scope["path"], problem)
            return
        await self.app(scope, receive, complete)

    def _count(self, scope: Scope) -> None:
        if scope["path"].startswith(_UNCOUNTED) or _bears_token(scope):
            return
        client = scope.get("client")
        scope["state"]["allowance"] = self._limits.address(client[0] if client else "unknown")

    def _complete(self, scope: Scope, headers: list[tuple[bytes, bytes]]) -> None:
        """Adds what the answer does not say itself; names are in lower case, as ASGI has them."""
        present = {name for name, _ in headers}
        added = [] if scope["path"].startswith(_CACHED) else [_NO_STORE]
        if self._https or scope.get("scheme") == "https":
            added.append(_HSTS)
        allowance: Allowance | None = scope["state"].get("allowance")
        if allowance is not None:
            added += allowance.headers_raw()
        headers += [header for header in (_NO_SNIFF, *added) if header[0] not in present]


def _bears_token(scope: Scope) -> bool:
    """True where the route looks at the token, and counts whose it is, or the address where it is none."""
    return scope["path"].startswith("/v1/") and any(name == b"authorization" for name, _ in scope["headers"])


def public_https(*urls: str) -> bool:
    """True when people reach one of these addresses by https, whatever a proxy speaks to us."""
    return any(url.lower().startswith("https://") for url in urls)


async def _refuse(send: Send, path: str, problem: Problem) -> None:
    content = body(problem.status_code, problem.code, problem.detail, path)
    known = {"content-type": MEDIA_TYPE, "content-length": str(len(content)), **dict(problem.headers or {})}
    headers = [(name.lower().encode(), value.encode()) for name, value in known.items()]
    await send({"type": "http.response.start", "status": problem.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": content})
