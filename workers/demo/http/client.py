"""How the demo reaches the product: the API by the generated client, one for each role, and the sandbox."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import httpx

from domain.access import Role
from workers.demo.api_client import AuthenticatedClient
from workers.demo.api_client.errors import UnexpectedStatus
from workers.demo.api_client.models import Problem
from workers.demo.api_client.types import UNSET, Unset
from workers.demo.http.transport import TIMEOUT_S

PAGE = 200
Answer = TypeVar("Answer")
Item = TypeVar("Item")


class RefusedError(Exception):
    """The API or the sandbox refused a request; `code` is the stable code of the problem."""

    def __init__(self, code: str, detail: str) -> None:
        self.code = code
        super().__init__(f"{code}: {detail}")


class Page(Protocol[Item]):
    """A page of a list, as the generated client answers it."""

    items: list[Item]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Clients:
    """One client for each role that the demo acts in, and one for the sandbox. `run` is part of every idempotency key
    of this run."""

    support: AuthenticatedClient
    channel: AuthenticatedClient
    warehouse: AuthenticatedClient
    operations: AuthenticatedClient
    finance: AuthenticatedClient
    sandbox: "Sandbox"
    run: str

    def key(self, action: str) -> str:
        """The idempotency key of an action: the same action of the same run is done once, however often it is sent."""
        return f"demo-{self.run}-{action}"


class Sandbox:
    """The sandbox, as the gateway and the carrier that it is. Every call raises RefusedError."""

    def __init__(self, url: str, transport: httpx.AsyncBaseTransport) -> None:
        self._http = httpx.AsyncClient(base_url=url, transport=transport, timeout=TIMEOUT_S, trust_env=False)

    async def payments(self, order_no: str) -> list[dict[str, Any]]:
        """The transactions of an order in the sandbox's own ledger."""
        return await self._items("/payments", order_no)

    async def shipments(self, order_no: str) -> list[dict[str, Any]]:
        """The parcels of an order, as the carrier has them."""
        return await self._items("/shipments", order_no)

    async def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Order a fault, or move a parcel on."""
        return _content(await self._http.post(path, json=body))

    async def _items(self, path: str, order_no: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = _content(await self._http.get(path, params={"order_no": order_no}))["items"]
        return items


def connect(
    api: str, sandbox: str, tokens: Mapping[str, str], run: str, transport: httpx.AsyncBaseTransport
) -> Clients:
    """Clients that all send by this transport, which its owner closes; `tokens` by role."""

    def client(role: Role) -> AuthenticatedClient:
        return AuthenticatedClient(
            base_url=api,
            token=tokens[role],
            timeout=httpx.Timeout(TIMEOUT_S),
            raise_on_unexpected_status=True,
            httpx_args={"transport": transport, "trust_env": False},
        )

    return Clients(
        support=client(Role.SUPPORT),
        channel=client(Role.CHANNEL),
        warehouse=client(Role.WAREHOUSE),
        operations=client(Role.OPERATIONS),
        finance=client(Role.FINANCE),
        sandbox=Sandbox(sandbox, transport),
        run=run,
    )


async def accepted(call: Awaitable[Answer | Problem | None]) -> Answer:
    """The answer of a call of the generated client. Raises RefusedError when it is a problem."""
    try:
        answer = await call
    except UnexpectedStatus as unexpected:
        raise RefusedError(f"http_{unexpected.status_code}", unexpected.content.decode(errors="replace")) from None
    if isinstance(answer, Problem):
        raise RefusedError(answer.code, answer.detail)
    assert answer is not None, "the client raises UnexpectedStatus instead"
    return answer


async def all_items(read: Callable[[str | Unset], Awaitable[Page[Item] | Problem | None]]) -> AsyncIterator[Item]:
    """Every entry of a list; `read` reads the page at a cursor. Raises RefusedError."""
    cursor: str | Unset | None = UNSET
    while cursor is not None:
        page = await accepted(read(cursor))
        for item in page.items:
            yield item
        cursor = page.next_cursor


def _content(response: httpx.Response) -> dict[str, Any]:
    try:
        content = response.json()
    except ValueError:
        content = {}
    if response.is_success and isinstance(content, dict):
        return content
    raise RefusedError(str(content.get("error_code") or f"http_{response.status_code}"), response.text)
