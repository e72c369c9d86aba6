"""The outside of the product, as any program meets it: its HTTP front door, and the sandbox's."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

PATIENCE_S = 60.0
TIMEOUT_S = 20.0
_LATER = frozenset({429, 503})
PAGE = 200
LANES = 32


class RefusedError(Exception):
    """The answer was a problem+json; `code` is its stable code."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.code = str(problem.get("code") or problem.get("error_code") or f"http_{status}")
        super().__init__(f"{self.code}: {problem.get('detail', '')}")


class Lanes:
    """Connections of one request at a time each, the warmest first: a pool that shares them costs more per request."""

    def __init__(self, count: int = LANES) -> None:
        self._free: asyncio.LifoQueue[httpx.AsyncClient] = asyncio.LifoQueue()
        limits = httpx.Limits(max_connections=2, max_keepalive_connections=2)  # front door and sandbox
        self._all = [
            httpx.AsyncClient(timeout=TIMEOUT_S, limits=limits, trust_env=False, verify=False)  # noqa: S501 - no TLS here
            for _ in range(count)
        ]
        for lane in self._all:
            self._free.put_nowait(lane)

    async def request(self, method: str, url: str, **request: Any) -> httpx.Response:
        """Raises httpx.TransportError."""
        lane = await self._free.get()
        try:
            return await lane.request(method, url, **request)
        finally:
            self._free.put_nowait(lane)

    async def close(self) -> None:
        """End every connection."""
        for lane in self._all:
            await lane.aclose()


@dataclass(frozen=True, slots=True)
class Client:
    """`tokens` by role; `run` makes the keys of this run its own, so that a repeated call changes nothing."""

    http: Lanes
    api: str
    sandbox: str
    tokens: Mapping[str, str]
    run: str

    async def post(self, role: str, path: str, body: Mapping[str, Any], what: str) -> dict[str, Any]:
        """Post once, however often it has to be sent; `what` names the act within the run. Raises RefusedError."""
        headers = {"Authorization": f"Bearer {self.tokens[role]}", "Idempotency-Key": f"demo-{self.run}-{what}"}
        return await self._call("POST", self.api + path, headers=headers, json=dict(body))

    async def get(self, role: str, path: str, **query: str | int) -> dict[str, Any]:
        """Raises RefusedError."""
        return await self._call("GET", self.api + path, headers=self._bearer(role), params=query)

    async def pages(self, role: str, path: str, **query: str | int) -> AsyncIterator[dict[str, Any]]:
        """Every item of a list, page by page."""
        cursor: str | None = ""
        while cursor is not None:
            more = {"cursor": cursor} if cursor else {}
            page = await self.get(role, path, limit=PAGE, **query, **more)
            for item in page["items"]:
                yield item
            cursor = page["next_cursor"]

    async def sandbox_list(self, what: str, order_no: str) -> list[dict[str, Any]]:
        """The sandbox's own payments or shipments of an order."""
        answer = await self._call("GET", f"{self.sandbox}/{what}", params={"order_no": order_no})
        items: list[dict[str, Any]] = answer["items"]
        return items

    async def sandbox_post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Faults to order, parcels to move."""
        return await self._call("POST", self.sandbox + path, json=dict(body))

    def _bearer(self, role: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[role]}"}

    async def _call(self, method: str, url: str, **request: Any) -> dict[str, Any]:
        """Sent again after a pause that the server asks for, or when the connection breaks."""
        until = time.monotonic() + PATIENCE_S
        pause_s = 0.1
        while True:
            try:
                answer = await self.http.request(method, url, **request)
                if not self._again(answer):
                    return _content(answer)
                pause_s = _pause_s(answer, pause_s)
            except httpx.TransportError:
                if time.monotonic() > until:
                    raise
            else:
                if time.monotonic() > until:
                    return _content(answer)
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, 2.0)

    def _again(self, answer: httpx.Response) -> bool:
        return answer.status_code in _LATER or (
            answer.status_code == 409 and RefusedError(409, _json(answer)).code == "idempotency_in_progress"
        )


def segment(text: str) -> str:
    """A part of a path."""
    return quote(text, safe="")


def _pause_s(answer: httpx.Response, otherwise_s: float) -> float:
    asked = answer.headers.get("retry-after", "")
    return min(float(asked), 10.0) if asked.isdigit() else otherwise_s


def _content(answer: httpx.Response) -> dict[str, Any]:
    if answer.is_success:
        return _json(answer)
    raise RefusedError(answer.status_code, _json(answer))


def _json(answer: httpx.Response) -> dict[str, Any]:
    try:
        content = answer.json()
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
