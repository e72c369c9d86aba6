"""Health, metrics, documentation, and what happens when the database is busy or away."""

import asyncio
import base64
import hashlib
import re

import pytest

from api.background.silent_processes import SilentProcesses
from api.routes.system import health
from infra.system.watchdog import UNHEALTHY_S, Pulse
from tests.api.conftest import ApiClient, an_order, open_api, settings_for
from tests.conftest import DatabaseUrls


async def test_open_pages_need_no_token(api: ApiClient) -> None:
    assert (await api.get("/healthz")).json() == {"status": "ok"}
    ready = await api.get("/readyz")
    text = {"status": "ready", "temporal": "unreachable", "worker": "none", "relay": "none"}
    assert (ready.status_code, {name: ready.json()[name] for name in text}) == (200, text)


async def test_a_process_that_has_not_beaten_for_a_while_serves_nobody(api: ApiClient) -> None:
    beaten = "INSERT INTO processes (name, host, pid, beat_at) SELECT name, 'm', 1, now() - make_interval(secs => %s)"
    names = " FROM unnest(ARRAY['worker', 'relay']) AS name"
    for seconds, text in ((40, "none"), (20, "serving")):
        await api.sql(beaten + names, seconds)
        answer = (await api.get("/readyz")).json()
        assert (answer["worker"], answer["relay"]) == (text, text), answer
    assert ("relay_detail" in answer, "worker_detail" in answer) == (False, False)
    await api.sql("DELETE FROM processes WHERE host = 'm'")


async def test_the_api_judges_silent_processes_while_no_relay_does(api: ApiClient) -> None:
    app = api.app
    silent = SilentProcesses(app.state.services.database, app.state.services.settings)
    life = (
        "INSERT INTO processes (name, host, pid, started_at, steady_since, beat_at)"
        " VALUES (%s, 'm', 1, now() - interval '1 h', now() - interval '1 h', now() - make_interval(secs => %s))"
    )
    open_ones = "SELECT cause FROM alerts WHERE over_at IS NULL AND kind = 'process_silent' ORDER BY cause"
    await api.sql(life, "worker", 100)
    await api.sql(life, "api", 0)
    await api.sql(life, "relay", 5)
    await silent.poll()
    assert await api.sql(open_ones) == [], "a relay lives: it is the one who judges"
    await api.sql("UPDATE processes SET beat_at = now() - interval '100 s' WHERE name = 'relay'")
    await silent.poll()
    assert [row["cause"] for row in await api.sql(open_ones)] == ["process_silent::relay", "process_silent::worker"]
    await api.sql("DELETE FROM processes WHERE host = 'm'")


async def test_a_process_that_does_not_get_round_says_so(api: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    hanging = Pulse()
    monkeypatch.setattr(health, "PULSE", hanging)
    hanging.beat("heartbeat")
    assert (await api.get("/healthz")).status_code == 200
    for _ in range(UNHEALTHY_S):
        hanging.tick()
    answer = await api.get("/healthz")
    assert (answer.status_code, answer.json()) == (503, {"status": "down"})


async def test_metrics_count_by_route_and_never_by_order(api: ApiClient) -> None:
    await api.as_("support").get("/v1/orders/0F9C9T-3J0000-00000X")
    await api.get("/nothing/here")
    text = (await api.get("/metrics")).text
    assert 'oms_http_requests_total{method="GET",route="/v1/orders/{order_no}",status="404"}' in text
    assert 'route="unmatched"' in text
    assert "0F9C9T" not in text


async def test_document_says_what_calls_take(api: ApiClient) -> None:
    document = (await api.get("/openapi.json")).json()
    assert {"/v1/orders", "/v1/orders/{order_no}/cancel", "/v1/webhooks/{provider}", "/readyz"} <= set(
        document["paths"]
    )
    schemas = document["components"]["schemas"]
    assert {"PlaceOrder", "ShipTo", "Line", "Receipt", "Problem"} <= set(schemas)
    references = set(re.findall(r'"#/components/schemas/(\w+)"', (await api.get("/openapi.json")).text))
    assert references <= set(schemas)
    assert "bearer" in document["components"]["securitySchemes"]


async def test_documentation_page_needs_no_other_host(api: ApiClient) -> None:
    page = (await api.get("/docs")).text
    links = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert links and all(link.startswith("/") for link in links)
    for link in links:
        assert (await api.get(link)).status_code == 200


async def test_books_out_of_reach(database_url: DatabaseUrls) -> None:
    nowhere = DatabaseUrls(database_url.owner_url, "postgresql://oms_app:x@127.0.0.1:9/oms")
    async with open_api(nowhere) as api:
        for response in (await api.get("/readyz"), await api.as_("support").post("/v1/orders", an_order())):
            assert (response.status_code, response.json()["code"]) == (503, "database_unavailable")
            assert "retry-after" in response.headers


async def test_pool_exhausted(database_url: DatabaseUrls) -> None:
    async with open_api(database_url, db_pool_size=1, db_pool_timeout_s=0.05) as api:
        support = api.as_("support")
        before = await api.row_counts()
        async with api.app.state.services.database.begin():
            response = await support.post("/v1/orders", an_order())
            listed = await support.get("/v1/orders")
        for refused in (response, listed):
            assert (refused.status_code, refused.json()["code"]) == (503, "busy")
            assert "retry-after" in refused.headers
        assert await api.row_counts() == before
        assert (await support.get("/v1/orders")).status_code == 200


async def test_connections_cut_are_made_again(api: ApiClient) -> None:
    support = api.as_("support")
    assert (await support.get("/v1/orders")).status_code == 200
    await api.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'oms_app'")
    statuses = [(await support.get("/v1/orders")).status_code]
    async with asyncio.timeout(60):
        while statuses[-1] != 200:
            statuses.append((await support.get("/v1/orders")).status_code)
    assert set(statuses) <= {200, 503}


def test_settings_of_tests_point_nowhere_else(database_url: DatabaseUrls) -> None:
    assert settings_for(database_url).temporal_address == "127.0.0.1:9"


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
async def test_the_pages_of_the_document_allow_their_own_scripts_alone(shop: ApiClient, path: str) -> None:
    page = await shop.http.get(path)
    policy = page.headers["content-security-policy"]
    scripts = next(part for part in policy.split("; ") if part.startswith("script-src"))
    assert "default-src 'none'" in policy and "unsafe" not in scripts and "frame-ancestors 'none'" in policy
    assert "//" not in re.sub(r"<!--.*?-->", "", page.text, flags=re.DOTALL)
    for script in re.findall(r"<script>(.*?)</script>", page.text, re.DOTALL):
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in scripts
    for asset in re.findall(r'(?:src|href)="(/[^"]+)"', page.text):
        assert (await shop.http.get(asset)).status_code == 200, asset
