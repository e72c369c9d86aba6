"""Calls to a provider over HTTP: bounded in time; every failure becomes one of two errors."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import httpx
import orjson

from domain.gateways import ProviderUnavailable
from infra.observability.telemetry import aiohttp_tracing

# Not caused by the order; a person or time solves it: credentials, time-out, conflict in flight, rate limit.
PASSING_STATUS = frozenset({401, 403, 407, 408, 423, 425, 429})

_MAX_FILE_BYTES = 4_000_000


@dataclass(frozen=True, slots=True)
class Answer:
    """A final answer, good or bad: `body` is the JSON object, {} when there is none."""

    status: int
    body: dict[str, Any]

    @property
    def ok(self) -> bool:
        return self.status < 300


class ProviderClient:
    """One provider's connections, kept alive. `timeout_s` bounds a whole call: connecting, sending, reading."""

    def __init__(self, provider: str, base_url: str, timeout_s: float) -> None:
        self.provider = provider
        self.timeout_s = timeout_s
        self._base_url = base_url.rstrip("/")
        self._made: aiohttp.ClientSession | None = None

    @property
    def _session(self) -> aiohttp.ClientSession:
        """Made at the first call: a session belongs to the loop it is made in."""
        if self._made is None or self._made.closed:
            # Proxies of the environment are not used: a variable does not decide the route of payment calls.
            self._made = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=200, keepalive_timeout=30),
                timeout=aiohttp.ClientTimeout(total=self.timeout_s),
                cookie_jar=aiohttp.DummyCookieJar(),
                trace_configs=aiohttp_tracing(),
                trust_env=False,
            )
        return self._made

    async def call(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        content: bytes | str | None = None,
        params: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
    ) -> Answer:
        """Sends one request. Raises ProviderUnavailable on no answer, a 5xx or another passing status."""
        sent = dict(headers or {})
        if json is not None:
            content = orjson.dumps(json)
            sent["content-type"] = "application/json"
        if auth is not None:
            sent["authorization"] = aiohttp.encode_basic_auth(*auth)
        async with (
            bounded(self.provider, self.timeout_s),
            self._session.request(
                method,
                self._base_url + path,
                data=content,
                params=params,
                headers=sent,
                allow_redirects=False,
            ) as response,
        ):
            body = await response.read()
        return self._answer(response.status, response.headers.get("retry-after"), body)

    async def fetch(self, url: str, headers: dict[str, str]) -> bytes:
        """A file of the provider's: over https, or from its own address. Raises ProviderUnavailable, also where it is
        larger than 4 MB."""
        if not url.startswith(("https://", f"{self._base_url}/")):
            raise ProviderUnavailable("bad_response", self.provider)
        async with (
            bounded(self.provider, self.timeout_s),
            self._session.get(url, headers=headers, allow_redirects=False) as response,
        ):
            if response.status != 200:
                raise ProviderUnavailable(f"http_{response.status}", self.provider)
            content = await response.content.read(_MAX_FILE_BYTES + 1)
            while len(content) <= _MAX_FILE_BYTES and (more := await response.content.read(_MAX_FILE_BYTES)):
                content += more
        if len(content) > _MAX_FILE_BYTES:
            raise ProviderUnavailable("bad_response", self.provider)
        return content

    async def aclose(self) -> None:
        if self._made is not None:
            await self._made.close()

    def _answer(self, status: int, retry_after: str | None, content: bytes) -> Answer:
        if status >= 500 or 300 <= status < 400 or status in PASSING_STATUS:
            raise ProviderUnavailable(f"http_{status}", self.provider, retry_after_s(retry_after))
        try:
            body = orjson.loads(content) if content else {}
        except orjson.JSONDecodeError:
            body = None
        if not isinstance(body, dict):
            raise ProviderUnavailable("bad_response", self.provider)
        return Answer(status, body)


@asynccontextmanager
async def bounded(provider: str, timeout_s: float) -> AsyncIterator[None]:
    """Cancels the block after `timeout_s` in total. Raises ProviderUnavailable("timeout" or "connection")."""
    try:
        async with asyncio.timeout(timeout_s):
            yield
    except (TimeoutError, httpx.TimeoutException):
        raise ProviderUnavailable("timeout", provider) from None
    except (httpx.HTTPError, aiohttp.ClientError):
        # The cause quotes the address that was called, with its query.
        raise ProviderUnavailable("connection", provider) from None


def retry_after_s(header: str | None) -> float | None:
    """Seconds of a Retry-After header; its form as a date is not used by those we call."""
    try:
        return max(0.0, float(header)) if header else None
    except ValueError:
        return None
