"""The application in this process, against a real database and without Temporal."""

import base64
import itertools
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from psycopg.rows import dict_row
from pydantic import SecretStr

from api.app import create_app
from infra.security.tokens import issue
from infra.settings import Settings
from tests import kept_connections
from tests.api.conformity import Conforming
from tests.conftest import DatabaseUrls

TOKEN_SECRET = "a secret for tests only, long enough"
WEBHOOK_SECRET = "whsec_" + base64.b64encode(b"webhooks in tests, 24 b.").decode()
_numbers = itertools.count(1)


def settings_for(urls: DatabaseUrls, **changed: Any) -> Settings:
    """Settings with short time-outs; nothing listens where Temporal should be."""
    values: dict[str, Any] = {
        "database_url": urls.app_url,
        "temporal_address": "127.0.0.1:9",
        "workflow_timeout_s": 0.3,
        "token_secret": SecretStr(TOKEN_SECRET),
        "master_key": SecretStr(base64.b64encode(bytes(32)).decode()),
        "sandbox_webhook_secret": SecretStr(WEBHOOK_SECRET),
        "max_body_bytes": 200_000,
        **dict.fromkeys(("rate_limit_token", "rate_limit_customer", "rate_limit_address"), ""),
        "seller_name": "示例商店",
        "seller_tax_number": "91310000MA1K35X12A",
    }
    return Settings(**(values | changed))


@dataclass
class ApiClient:
    """The front door for one caller: fresh idempotency keys unless a test names one."""

    app: FastAPI
    http: httpx.AsyncClient
    owner_url: str
    headers: dict[str, str] = field(default_factory=dict)

    def as_(self, role: str, subject: str = "s-1", **more: Any) -> "ApiClient":
        token = issue(TOKEN_SECRET, role, subject, more.pop("lifetime_s", 600))
        return ApiClient(self.app, self.http, self.owner_url, {"Authorization": f"Bearer {token}"})

    async def get(self, path: str, **params: Any) -> httpx.Response:
        return await self.http.get(path, params=params, headers=self.headers)

    async def delete(self, path: str) -> httpx.Response:
        return await self.http.delete(path, headers=self.headers)

    async def post(self, path: str, json: Any = None, key: str | None = None, **more: Any) -> httpx.Response:
        headers = {"Idempotency-Key": key or secrets.token_hex(8), **self.headers, **more.pop("headers", {})}
        return await self.http.post(path, json=json, headers=headers, **more)

    async def sql(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        """Run a statement as the database's owner."""
        found: list[dict[str, Any]] = await kept_connections.run(
            self.owner_url, statement, values, autocommit=False, rows=dict_row
        )
        return found

    async def named(self, statement: str, values: dict[str, Any]) -> None:
        """Run a statement with named values as the database's owner."""
        await kept_connections.run(self.owner_url, statement, values, autocommit=False)

    async def row_counts(self) -> dict[str, int]:
        """Rows of every table, save that in which each process reports that it lives."""
        tables = await self.sql(
            "SELECT table_name AS name FROM information_schema.tables"
            " WHERE table_schema = 'public' AND table_name <> 'processes'"
        )
        union = " UNION ALL ".join(f"SELECT '{t['name']}' AS name, count(*) AS rows FROM {t['name']}" for t in tables)
        return {row["name"]: row["rows"] for row in await self.sql(union)}


@pytest.fixture(scope="module")
async def api(database_url: DatabaseUrls) -> AsyncIterator[ApiClient]:
    """The front door without a token."""
    async with open_api(database_url) as opened:
        yield opened


def open_api(urls: DatabaseUrls, **changed: Any) -> "_Opened":
    """An application of its own for these settings, as an async context manager."""
    return _Opened(urls, changed)


class _Opened:
    def __init__(self, urls: DatabaseUrls, changed: dict[str, Any]) -> None:
        self.urls, self.app = urls, create_app(settings_for(urls, **changed))

    async def __aenter__(self) -> ApiClient:
        self.life = self.app.router.lifespan_context(self.app)
        await self.life.__aenter__()
        transport = Conforming(self.app)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://front.door", timeout=60)
        return ApiClient(self.app, self.http, self.urls.owner_url)

    async def __aexit__(self, *error: Any) -> None:
        await self.http.aclose()
        await self.life.__aexit__(*error)


def an_order(sku: str = "TEA-1", quantity: int = 2, **changed: Any) -> dict[str, Any]:
    """An order as the contract shows it."""
    order: dict[str, Any] = {
        "channel": "web",
        "external_ref": None,
        "type": "standard",
        "currency": "CNY",
        "customer": {"id": "c-17", "name": "Li Lei", "email": "li@example.com", "phone": "+86 138 0013 8000"},
        "ship_to": {
            "name": "Li Lei",
            "phone": "13800138000",
            "country": "CN",
            "province": "上海市",
            "city": "上海市",
            "district": "浦东新区",
            "line1": "Made-up Road 1",
            "postcode": "200000",
        },
        "lines": [{"sku": sku, "quantity": quantity}],
        "payment": {"method": "sandbox", "token": "tok_ok"},
        "note": "ring twice",
        "backorder": False,
    }
    return order | changed


@pytest.fixture(scope="module")
async def shop(api: ApiClient) -> ApiClient:
    """The front door as support, with two products, one of them not sold at present."""
    operations = api.as_("operations")
    for product in (
        {"sku": "TEA-1", "name": "Green tea", "price_minor": 4_250, "currency": "CNY"},
        {"sku": "TEA-2", "name": "Black tea", "price_minor": 1_000, "currency": "CNY", "weight_g": 250},
        {"sku": "OLD-1", "name": "Stale tea", "price_minor": 1, "currency": "CNY", "active": False},
        {"sku": "USD-1", "name": "Dollar tea", "price_minor": 1, "currency": "USD"},
    ):
        response = await operations.post("/v1/products", product)
        assert response.status_code == 201, response.text
    return api.as_("support", "amy")


def unique(prefix: str) -> str:
    return f"{prefix}-{next(_numbers)}"
