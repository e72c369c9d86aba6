"""The portal over HTTP in this process: real books, no Temporal; what was sent is caught before the messages' queue."""

import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from api.pages.forms import csrf_of
from api.portal.session import COOKIE
from api.services.portal import code_requests
from infra.db.portal import sessions, sign_in_codes
from tests.api.conftest import ApiClient, an_order, api, shop, unique  # noqa: F401


@dataclass
class Sent:
    """A code on its way."""

    to: str
    customer_id: str
    code: str
    token: str
    lang: str


@dataclass
class Browser:
    """A customer's browser; forms carry the proof of its session once there is one."""

    api: ApiClient
    http: httpx.AsyncClient
    sent: list[Sent] = field(default_factory=list)

    async def get(self, path: str, **params: Any) -> httpx.Response:
        return await self.http.get(f"/portal{path}", params=params or None)

    async def post(self, path: str, **fields: Any) -> httpx.Response:
        return await self.http.post(f"/portal{path}", data={"csrf": self.csrf, **fields})

    @property
    def csrf(self) -> str:
        return csrf_of(self.http.cookies.get(COOKIE, ""))

    async def ask(self, contact: str) -> httpx.Response:
        """Ask for a code."""
        return await self.post("/sign-in", contact=contact)

    async def sign_in(self, contact: str) -> None:
        assert (await self.ask(contact)).status_code == 303
        assert (await self.post("/code", code=self.sent[-1].code)).status_code == 303


def browser_of(api: ApiClient, lang: str = "en", **headers: str) -> Browser:  # noqa: F811
    transport = httpx.ASGITransport(app=api.app, client=(f"10.0.{secrets.randbelow(256)}.{secrets.randbelow(256)}", 1))
    known = {"accept-language": lang, **headers}
    return Browser(api, httpx.AsyncClient(transport=transport, base_url="http://front.door", headers=known))


@pytest.fixture
async def browser(shop: ApiClient, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Browser]:  # noqa: F811
    """An English browser from an address of its own; codes are in `sent` and come without a pause."""
    opened = browser_of(shop)

    async def caught(conn: Any, services: Any, reached: Any, made: Any, lang: str) -> None:
        opened.sent.append(Sent(reached.to, reached.customer_id, made.code, made.token, lang))

    monkeypatch.setattr(code_requests, "send", caught)
    yield opened
    await opened.http.aclose()


def a_customer(**changed: Any) -> dict[str, Any]:
    """A customer whom nobody else is."""
    name = unique("c-portal")
    phone = f"+86 138 {secrets.randbelow(10**4):04d} {secrets.randbelow(10**4):04d}"
    return {"id": name, "name": "Li Lei", "email": f"{name}@example.com", "phone": phone} | changed


async def placed(api: ApiClient, customer: dict[str, Any], **changed: Any) -> str:  # noqa: F811
    answer = await api.post("/v1/orders", an_order(customer=customer, **changed))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["order_no"])


async def signed_in(api: ApiClient, customer: dict[str, Any], lang: str = "en") -> Browser:  # noqa: F811
    """A browser with an open session of this person (how people sign in for themselves is tested beside)."""
    services, opened = api.app.state.services, browser_of(api, lang)
    kind = "email" if customer["email"] else "phone"
    async with services.database.begin() as conn:
        contact = sign_in_codes.contact_of(services.keys.vault, kind, customer[kind])
        cookie = await sessions.open_session(conn, contact, 600)
    opened.http.cookies.set(COOKIE, cookie, path="/portal")
    return opened
