"""How the demo sends its HTTP requests: on a few connections, and again when the server asks for it."""

import asyncio
import json
import time

import httpx

TIMEOUT_S = 20.0
CONNECTIONS = 32
# For so long a request is sent again that the server cannot take now.
PATIENCE_S = 60.0
FIRST_PAUSE_S, LONGEST_PAUSE_S, LONGEST_REQUESTED_PAUSE_S = 0.1, 2.0, 10.0
_LATER = frozenset({429, 503})


class PatientTransport(httpx.AsyncBaseTransport):
    """Connections of one request at a time, the one used last first: a shared pool costs more for each request.

    A request is sent again when the connection breaks or the server asks to try later; an idempotency key makes that
    safe. Raises httpx.TransportError.
    """

    def __init__(self, connections: int = CONNECTIONS) -> None:
        self._free: asyncio.LifoQueue[httpx.AsyncHTTPTransport] = asyncio.LifoQueue()
        limits = httpx.Limits(max_connections=2, max_keepalive_connections=2)  # the API and the sandbox
        self._all = [httpx.AsyncHTTPTransport(limits=limits, trust_env=False, verify=False) for _ in range(connections)]
        for connection in self._all:
            self._free.put_nowait(connection)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request, if needed several times."""
        until = time.monotonic() + PATIENCE_S
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                response = await self._send(request)
                if not _is_to_be_sent_again(response) or time.monotonic() > until:
                    return response
                pause_s = _requested_pause_s(response) or pause_s
            except httpx.TransportError:
                if time.monotonic() > until:
                    raise
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    async def aclose(self) -> None:
        """Close every connection."""
        for connection in self._all:
            await connection.aclose()

    async def _send(self, request: httpx.Request) -> httpx.Response:
        connection = await self._free.get()
        try:
            response = await connection.handle_async_request(request)
            try:
                await response.aread()
            finally:
                await response.aclose()
            return response
        finally:
            self._free.put_nowait(connection)


def _is_to_be_sent_again(response: httpx.Response) -> bool:
    return response.status_code in _LATER or (
        response.status_code == httpx.codes.CONFLICT and _code(response) == "idempotency_in_progress"
    )


def _code(response: httpx.Response) -> str | None:
    try:
        problem = json.loads(response.content)
    except ValueError:
        return None
    return problem.get("code") if isinstance(problem, dict) else None


def _requested_pause_s(response: httpx.Response) -> float | None:
    requested = response.headers.get("retry-after", "")
    return min(float(requested), LONGEST_REQUESTED_PAUSE_S) if requested.isdigit() else None
