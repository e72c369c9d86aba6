"""The processor time of the API process for each page, beside an earlier checkout with the same data (`--against`)."""

import asyncio
import base64
import hashlib
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy.ext.asyncio import create_async_engine

from api.console.session import COOKIE
from api.portal.session import COOKIE as PORTAL_COOKIE
from bench.harness import baskets
from bench.harness.lab import ROOT, STOP_S, UNLIMITED, Lab, as_owner, cpu_ms, service_environment
from bench.harness.lab import stock as stock_up
from bench.report import Figure, Section, table
from infra.db.engine import sqlalchemy_url
from infra.db.staff import staff_sessions
from infra.security.crypto import Vault
from infra.stack.data_dir.layout import Layout
from infra.stack.data_dir.secrets import load as load_secrets
from infra.stack.processes.process import Command, standing
from infra.stack.running import Running
from infra.stack.running import load as load_running

NAME, TITLE = "page_time", "The time of a page"
PLAIN, PARKED, PATIENCE_S, SESSION_S = 50, 25, 600.0, 86_400.0
BOUND = 1.5
EMAIL = "sample0@example.com"
# The console's table of orders had another address before it had columns.
_MOVED = {"/console/orders": "/console"}


@dataclass(frozen=True)
class Shop:
    """A stack with orders: where its pages are, and who is signed in."""

    running: Running
    cookies: dict[str, str]
    pages: dict[str, str]

    async def spent_ms(self, http: httpx.AsyncClient, page: str, requests: int) -> float:
        """Processor milliseconds of one request, the mean of so many."""
        before = cpu_ms(self.running.pids["api"])
        for _ in range(requests):
            answer = await http.get(self.running.api + self.pages[page], cookies=self.cookies)
            assert answer.status_code == 200, f"{page}: {answer.status_code} {answer.text[:300]}"
        return (cpu_ms(self.running.pids["api"]) - before) / requests


async def measure(lab: Lab) -> Section:
    """Each page of each checkout in turn, a share of the requests at a time: both have the same load."""
    rounds, requests = lab.scaled(8, 4), 25
    trees = {"now": ROOT} | ({"then": lab.against} if lab.against else {})
    async with AsyncExitStack() as opened:
        stacks = [await opened.enter_async_context(_stack(lab, tree)) for tree in trees.values()]
        filled = await asyncio.gather(
            *(_shop(one, old=tree != ROOT) for one, tree in zip(stacks, trees.values(), strict=True))
        )
        shops = dict(zip(trees, filled, strict=True))
        http = await opened.enter_async_context(httpx.AsyncClient(trust_env=False, timeout=60))
        spent: dict[str, dict[str, list[float]]] = {page: {name: [] for name in shops} for page in shops["now"].pages}
        for turn in range(rounds + 1):
            for page, by_tree in spent.items():
                for name, shop in shops.items():
                    if page in shop.pages:
                        took = await shop.spent_ms(http, page, requests if turn else 5)
                        by_tree[name] += [took] if turn else []  # the first requests fill caches
    return _section(lab, {page: {name: _mean(took) for name, took in one.items()} for page, one in spent.items()},
                    rounds * requests)  # fmt: skip


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0


# ── the stacks ─────────────────────────────────────────────────────────────────────────────────────────────────


@asynccontextmanager
async def _stack(lab: Lab, tree: Path) -> AsyncIterator[Running]:
    """`oms up` of this checkout."""
    folder = lab.new_folder("pages")
    argv = [sys.executable, "-P", "-m", "workers.cli", "up", "--data-dir", str(folder), "--port", "0", "--headless"]
    environment = service_environment(
        **{"PYTHONPATH": str(tree), "OMS_PAYMENT_TIMEOUT_S": "86400", "OMS_GATEWAY_ATTEMPTS": "1"}, **UNLIMITED
    )
    command = Command(argv, folder.with_suffix(".log"), environment, stop_timeout_s=STOP_S)

    async def ready() -> None:
        while True:
            with suppress(Exception):
                load_running(folder)
                return
            await asyncio.sleep(0.02)

    async with standing(command, ready):
        yield load_running(folder)


async def _shop(running: Running, *, old: bool) -> Shop:
    """The stack with plain orders, parked ones and a return."""
    async with httpx.AsyncClient(base_url=running.api, trust_env=False, timeout=60) as http:
        plain, parked = await _filled(running, http)
    cookies = {COOKIE: await _staff_cookie(running), PORTAL_COOKIE: await _portal_cookie(running)}
    return Shop(running, cookies, _pages(plain, parked, old=old))


def _pages(plain: str, parked: str, *, old: bool) -> dict[str, str]:
    """The pages that a checkout has; an earlier one lacks some."""
    pages = {
        "order": f"/console/orders/{plain}",
        "order, parked": f"/console/orders/{parked}",
        "needs attention": "/console/stuck",
        "orders": _MOVED["/console/orders"] if old else "/console/orders",
        "returns": "/console/returns",
        "portal, orders": "/portal",
        "portal, order": f"/portal/orders/{plain}",
    }
    new = {} if old else {name: f"/console/{name}" for name in ("products", "stock", "customers")}
    return pages | new


async def _filled(running: Running, http: httpx.AsyncClient) -> tuple[str, str]:
    """The newest plain order and the newest parked one. All orders are of the same customer."""
    await stock_up(running.database_url, baskets.SKUS, 10**6)
    plain = [await _placed(running, http) for _ in range(PLAIN)]
    await _until(running, "SELECT count(*) FROM orders WHERE status = 'delivered'", PLAIN)
    body = {"lines": [{"line_no": 1, "quantity": 1}], "reason": "too small", "resolution": "refund"}
    await _call(running, http, f"/v1/orders/{plain[0]}/returns", body)
    await http.post(f"{running.sandbox}/faults", json={"target": "carriers", "mode": "down"})
    parked = [await _placed(running, http) for _ in range(PARKED)]
    await _until(running, "SELECT count(*) FROM parked_steps WHERE resolved_at IS NULL", PARKED)
    return plain[-1], parked[-1]


async def _placed(running: Running, http: httpx.AsyncClient) -> str:
    body = baskets.order(customer=0, sku=secrets.randbelow(baskets.SKUS))
    return str((await _call(running, http, "/v1/orders", body))["order_no"])


async def _call(running: Running, http: httpx.AsyncClient, path: str, body: Any, role: str = "support") -> Any:
    headers = {"Authorization": f"Bearer {running.tokens[role]}", "Idempotency-Key": secrets.token_hex(8)}
    answer = await http.post(path, json=body, headers=headers)
    assert answer.is_success, answer.text
    return answer.json()


async def _until(running: Running, counted: str, number: int) -> None:
    async with asyncio.timeout(PATIENCE_S), as_owner(running.database_url) as connection:
        while True:
            row = await (await connection.execute(counted.encode())).fetchone()
            if row is not None and row[0] >= number:
                return
            await asyncio.sleep(0.2)


async def _staff_cookie(running: Running) -> str:
    async with httpx.AsyncClient(base_url=running.api, trust_env=False, timeout=60) as http:
        await _call(running, http, "/v1/staff", {"name": "bench", "role": "support"}, role="admin")
    engine = create_async_engine(sqlalchemy_url(running.database_url))
    async with engine.begin() as conn:
        cookie = await staff_sessions.open_session(conn, "bench", SESSION_S)
    await engine.dispose()
    return cookie


async def _portal_cookie(running: Running) -> str:
    """A session of the customer of all orders, written as the portal would."""
    cookie, vault = (
        secrets.token_urlsafe(32),
        Vault(base64.b64decode(load_secrets(Layout(Path(running.data_dir)).secrets).master_key)),
    )
    async with as_owner(running.database_url) as connection:
        await connection.execute(
            "INSERT INTO portal_sessions (session_hash, contact_kind, contacts, expires_at) "
            "VALUES (%s, 'email', ARRAY[%s::bytea], now() + interval '1 day')",
            (hashlib.sha256(cookie.encode()).digest(), vault.blind_index("email", EMAIL)),
        )
    return cookie


# ── the section ────────────────────────────────────────────────────────────────────────────────────────────────


def _section(lab: Lab, spent: dict[str, dict[str, float]], requests: int) -> Section:
    compared = {page: took for page, took in spent.items() if took.get("then")}
    rows = [
        (page, took["now"], took.get("then") or "–", took["now"] / took["then"] if took.get("then") else "–")
        for page, took in spent.items()
    ]
    body = [
        f"Processor time of the API process for a page, the mean of {requests} requests, with {PLAIN} plain and "
        f"{PARKED} parked orders of one customer. The earlier checkout (`--against`) has a stack of its own with the "
        "same data; both answer in turns. Pages that it lacks have no ratio.",
        table(("", "ms", "earlier ms", "ratio"), rows),
    ]
    figures = [
        Figure(f"page, {page}", took["now"], "ms", took["then"], "ms earlier", BOUND, at_least=False)
        for page, took in compared.items()
    ] or [Figure(f"page, {page}", took["now"], "ms", at_least=False) for page, took in spent.items()]
    return Section(NAME, TITLE, figures, "\n\n".join(body), lab.quick, {"pages": spent})
