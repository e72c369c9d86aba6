"""How a call reaches a provider: read, checked, met by a fault perhaps, answered."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from infra.sandbox.faults import Faults, Mode, Target
from infra.sandbox.ledger import Ledger, Row

Endpoint = Callable[[Request], Awaitable[Response]]

_CURRENCY = re.compile(r"[A-Z]{3}")
_MAX_AMOUNT_MINOR = 2**53 - 1
_PAGE = 1000


class RefusalError(Exception):
    """The provider says no: HTTP `status` with `{error_code, detail?}`. Nothing of the call is kept."""

    def __init__(self, status: int, error_code: str, detail: str = "") -> None:
        super().__init__(error_code)
        self.status, self.error_code, self.detail = status, error_code, detail


@dataclass(frozen=True)
class Call:
    """One request. `rejected`: a fault wants a final refusal. `unheard`: its caller will get no answer. `undecided`: it
    is taken, and stays pending until somebody decides it."""

    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Row = field(default_factory=dict)
    rejected: bool = False
    unheard: bool = False
    undecided: bool = False

    def text(self, name: str, max_length: int = 200) -> str:
        """A non-empty string of the body. Raises RefusalError 422."""
        value = self.body.get(name)
        if not isinstance(value, str) or not 0 < len(value) <= max_length:
            raise invalid(f"{name} must be a text of 1 to {max_length} characters")
        return value

    def amount_minor(self) -> int:
        value = self.body.get("amount_minor")
        if type(value) is not int or not 0 < value <= _MAX_AMOUNT_MINOR:
            raise invalid("amount_minor must be a positive integer")
        return value

    def currency(self) -> str:
        value = self.text("currency")
        if not _CURRENCY.fullmatch(value):
            raise invalid("currency must be an ISO 4217 code")
        return value

    def wanted_key(self) -> str:
        """The idempotency key that a query asks about. Raises RefusalError 422."""
        if not (key := self.query.get("idempotency_key", "")):
            raise invalid("idempotency_key is missing")
        return key


Handler = Callable[[Call], Row]
OrderOf = Callable[[Call], str | None]


def invalid(detail: str) -> RefusalError:
    return RefusalError(422, "invalid_request", detail)


def answer(body: object, status: int = 200) -> Response:
    return Response(orjson.dumps(body), status, media_type="application/json")


def refuse(refusal: RefusalError) -> Response:
    body = {"error_code": refusal.error_code}
    if refusal.detail:
        body["detail"] = refusal.detail
    return answer(body, refusal.status)


async def read(request: Request) -> Call:
    """Raises RefusalError 400 for a body that is no JSON object."""
    raw = await request.body()
    try:
        body: Any = orjson.loads(raw) if raw else {}
    except orjson.JSONDecodeError:
        raise RefusalError(400, "invalid_json") from None
    if not isinstance(body, dict):
        raise RefusalError(400, "invalid_json", "the body must be an object")
    return Call(request.path_params, request.query_params, body)


def plain(handler: Handler, status: int = 200) -> Endpoint:
    """An endpoint that no fault touches."""

    async def handle(request: Request) -> Response:
        try:
            call = await read(request)
        except RefusalError as refusal:
            return refuse(refusal)
        return _handled(handler, status, call)

    return handle


@dataclass(frozen=True)
class FaultInjector:
    """Serves the calls of one provider and injects the faults that were requested for it."""

    target: Target
    faults: Faults
    order_of: OrderOf
    slow_s: float

    def endpoint(self, kind: str, handler: Handler, status: int = 200) -> Endpoint:
        async def handle(request: Request) -> Response:
            try:
                return await self._serve(request, kind, handler, status)
            except RefusalError as refusal:
                return refuse(refusal)

        return handle

    async def _serve(self, request: Request, kind: str, handler: Handler, status: int) -> Response:
        call = await read(request)
        mode = self.faults.take(self.target, kind, lambda: self.order_of(call))
        if mode is None:
            return answer(handler(call), status)
        if mode == "down":
            raise RefusalError(503, "unavailable")
        if mode == "error":
            raise RefusalError(500, "internal_error")
        if mode == "timeout_before":
            return await _hold(request)
        if mode == "reject" and kind == "lookup":
            raise RefusalError(422, "rejected")
        return await self._run(request, call, mode, partial(_handled, handler, status))

    async def _run(self, request: Request, call: Call, mode: Mode, handler: Callable[[Call], Response]) -> Response:
        marked = replace(call, rejected=mode == "reject", unheard=mode == "timeout_after", undecided=mode == "pending")
        done = handler(marked)
        if mode in ("reject", "pending"):
            return done
        if mode == "timeout_after":
            return await _hold(request)
        await asyncio.sleep(self.slow_s)
        return done


def _handled(handler: Handler, status: int, call: Call) -> Response:
    try:
        return answer(handler(call), status)
    except RefusalError as refusal:
        return refuse(refusal)


async def _hold(request: Request) -> Response:
    """Keep the caller waiting until it hangs up; what is returned then reaches nobody."""
    while (await request.receive())["type"] != "http.disconnect":
        continue
    return Response()


def listing(ledger: Ledger, table: str, filters: tuple[str, ...], show: Callable[[Row], Row]) -> Endpoint:
    """A complete list in order of creation, streamed page by page so that a long one delays no other call."""

    async def pages(wanted: dict[str, str]) -> AsyncIterator[bytes]:
        where = "".join(f" AND {name} = ?" for name in wanted)
        sql = f"SELECT * FROM {table} WHERE seq > ?{where} ORDER BY seq LIMIT {_PAGE}"  # noqa: S608
        last, lead = 0, b""
        yield b'{"items":['
        while rows := ledger.all(sql, last, *wanted.values()):
            yield lead + orjson.dumps([show(row) for row in rows])[1:-1]
            last, lead = rows[-1]["seq"], b","
            await asyncio.sleep(0)
        yield b'],"next_cursor":null}'

    async def handle(request: Request) -> Response:
        wanted = {name: request.query_params[name] for name in filters if name in request.query_params}
        return StreamingResponse(pages(wanted), media_type="application/json")

    return handle
