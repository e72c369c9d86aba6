"""Every act on a page is acknowledged: what a form did is said on the page that follows."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.pages import notices

_HOMES = ("/console", "/portal")
_SILENT = ("sign-in", "sign-out", "code", "enter")


class Acknowledged:
    """Gives the redirect after a form the notice `done.{address}`, unless its route has given one of its own."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or not scope["path"].startswith(_HOMES):
            await self.app(scope, receive, send)
            return

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 303:
                message["headers"] += _notice(scope, message["headers"])
            await send(message)

        await self.app(scope, receive, noted)


def words_for(template: str, values: dict[str, str]) -> str:
    """The key of the words for a form's address: its fixed parts, and the verb where the address holds one."""
    parts = [values.get(part[1:-1], "") if part in ("{verb}", "{act}") else part for part in template.split("/")[2:]]
    return ".".join(["done", *(part for part in parts if part and not part.startswith("{"))])


def _notice(scope: Scope, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    set_already = notices.COOKIE.encode() + b"="
    route = scope.get("route")
    if route is None or any(name == b"set-cookie" and value.startswith(set_already) for name, value in headers):
        return []
    key = words_for(route.path, scope.get("path_params", {}))
    if key.removeprefix("done.") in _SILENT:
        return []
    target = next((value.decode() for name, value in headers if name == b"location"), "")
    if target.startswith("/console/approvals/") and not key.startswith("done.approvals"):
        key = "done.approval_needed"
    carrier = Response()
    notices.carry(carrier, Request(scope), f"/{scope['path'].split('/')[1]}", key, {})
    return [header for header in carrier.raw_headers if header[0] == b"set-cookie"]
