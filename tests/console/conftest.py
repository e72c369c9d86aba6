"""The console over HTTP in this process: a real database, no Temporal, members of staff with a session."""

import re
import secrets
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from api.console.session import COOKIE, csrf_of
from infra.db.staff import staff_sessions
from tests.api.conftest import ApiClient, api, shop  # noqa: F401

# What is marked as a code, or is the value of a field, may have any form.
_MARKED = re.compile(r"<(code|textarea|script)\b.*?</\1>|<[^>]*>", re.DOTALL)
# A filter that makes elements, in a text that is escaped.
_SHOWN_ELEMENT = re.compile(r"&lt;(?:span class=|time datetime=)")
_CODE = re.compile(r"\b[a-z]{3,}(?:_[a-z]+)+\b")


async def no_code_stands_for_words(response: httpx.Response) -> None:
    """Every page that a test reads shows words where the database has a code; a refusal may name a field of the API."""
    if response.is_success and response.headers.get("content-type", "").startswith("text/html"):
        await response.aread()
        assert _SHOWN_ELEMENT.findall(response.text) == [], response.url
        assert _CODE.findall(_MARKED.sub(" ", response.text)) == [], response.url


@dataclass
class StaffBrowser:
    """The browser of a signed-in member of staff."""

    api: ApiClient
    name: str
    cookie: str
    http: httpx.AsyncClient

    async def get(self, path: str, **params: Any) -> httpx.Response:
        return await self.http.get(path, params=params or None)

    async def post(self, path: str, **fields: Any) -> httpx.Response:
        """Send a form of this session."""
        return await self.http.post(path, data={"csrf": csrf_of(self.cookie), **fields})


async def sign_in(api: ApiClient, role: str, lang: str = "en") -> StaffBrowser:  # noqa: F811
    """A new member of staff with an open session (how people sign in for themselves is tested beside)."""
    name = f"{role}-{secrets.token_hex(4)}"
    await api.sql(
        "INSERT INTO staff (name, role, password_hash, data_key, totp_enc) VALUES (%s, %s, 'x', '', '')", name, role
    )
    async with api.app.state.services.database.begin() as conn:
        cookie = await staff_sessions.open_session(conn, name, 600)
    cookies = {COOKIE: cookie, "oms_lang": lang}
    transport = httpx.ASGITransport(app=api.app)
    hooks = {"response": [no_code_stands_for_words]}
    http = httpx.AsyncClient(transport=transport, base_url="http://front.door", cookies=cookies, event_hooks=hooks)
    return StaffBrowser(api, name, cookie, http)


@pytest.fixture
async def support(shop: ApiClient) -> StaffBrowser:  # noqa: F811
    """A person of support in an English browser; the shop has products to order."""
    return await sign_in(shop, "support")
