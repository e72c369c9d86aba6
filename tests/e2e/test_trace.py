"""One order is one trace: from the HTTP request through the database, the workflow, its activities and their SQL."""

import asyncio
import io
import json
import logging
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from api.app import create_app
from infra.observability import telemetry
from infra.security.tokens import issue
from infra.stack.temporal.temporal_server import TemporalServer
from tests.conftest import DatabaseUrls
from tests.order_stage import Stage, eventually, staged
from tests.tracing import traced
from workers.backlog_metrics import observing
from workers.relay import main
from workers.relay.alert_sender import AlertSender
from workers.relay.webhook_sender import WebhookSender

SECRET = "a secret of this test, quite long enough"


@pytest.fixture(scope="module")
def shared_exporter() -> Iterator[InMemorySpanExporter]:
    with traced() as exporter:
        yield exporter


@pytest.fixture
def exporter(shared_exporter: InMemorySpanExporter) -> InMemorySpanExporter:
    shared_exporter.clear()
    return shared_exporter


@pytest.fixture
async def stage(
    exporter: InMemorySpanExporter, database_url: DatabaseUrls, temporal: TemporalServer, tmp_path: Path
) -> AsyncIterator[Stage]:
    async with staged(database_url, temporal.address, tmp_path, token_secret=SECRET) as opened:
        await opened.stock("TEA", 10)
        yield opened


def order(name: str) -> dict[str, object]:
    place = {
        "name": name,
        "phone": "1",
        "country": "CN",
        "province": "上海市",
        "city": "上海市",
        "line1": f"{name} Road",
    }
    return {
        "channel": "web",
        "currency": "CNY",
        "customer": {"id": "c-1", "name": name, "email": "wang@example.com", "phone": "13800138000"},
        "ship_to": {**place, "district": "d", "postcode": "1"},
        "lines": [{"sku": "TEA", "quantity": 1}],
        "payment": {"method": "sandbox", "token": "tok_ok"},
    }


async def place(stage: Stage) -> str:
    app = create_app(stage.settings)
    headers = {"Authorization": f"Bearer {issue(SECRET, 'support', 's', 60)}", "Idempotency-Key": secrets.token_hex(8)}
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://door") as client,
    ):
        answer = await client.post("/v1/orders", json=order("Wang Xiaoming"), headers=headers)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["order_no"])


async def test_one_trace_from_the_request_to_the_statement(stage: Stage, exporter: InMemorySpanExporter) -> None:
    order_no = await place(stage)
    await stage.reaches(order_no, "preparing")
    (spans,) = [span for span in exporter.get_finished_spans() if span.name == "POST /v1/orders"]

    def names() -> set[str]:
        trace_id = spans.context.trace_id
        return {span.name for span in exporter.get_finished_spans() if span.context.trace_id == trace_id}

    await eventually(lambda: any(name.startswith("RunActivity:book_shipment") for name in names()))
    observed = names()
    for expected in (
        "StartWorkflow:Order",
        "RunWorkflow:Order",
        "RunActivity:authorise_payment",
        "RunActivity:capture_payment",
        "RunActivity:reserve_stock",
    ):
        assert expected in observed, sorted(observed)
    assert any(name.startswith(("SELECT", "INSERT", "WITH")) for name in observed), sorted(observed)
    assert "POST" in observed or any(name.startswith("HTTP") for name in observed), sorted(observed)


async def test_polls_that_find_nothing_leave_no_span(stage: Stage, exporter: InMemorySpanExporter) -> None:
    order_no = await place(stage)
    await stage.reaches(order_no, "preparing")
    fan_out = main.fan_out(stage.database, asyncio.Event(), asyncio.Event())
    await fan_out()
    exporter.clear()
    deliverer = WebhookSender(stage.database, stage.vault, stage.settings)
    notifier = AlertSender(stage.database, stage.vault, stage.settings)
    sweeping = (main.lapse_refunds(stage.database), main.sweep(stage.database, stage.vault))
    for poll in (fan_out, deliverer.step, notifier.send_due, *sweeping, observing(stage.database)):
        await poll()
    assert [span.name for span in exporter.get_finished_spans() if span.parent is None] == []


@contextmanager
def log_lines() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """What this process writes, as it writes it in production."""
    stream, root = io.StringIO(), logging.getLogger()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(telemetry._JsonLines())
    root.addHandler(handler)
    try:
        yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    finally:
        root.removeHandler(handler)


async def test_every_line_about_an_order_says_which_at_which_step_why_and_in_which_attempt(stage: Stage) -> None:
    stage.fault("carriers", "error", count=100)
    with log_lines() as written:
        order_no = await place(stage)
        await eventually(lambda: any(line["message"] == "the order is parked" for line in written()))
        lines = [line for line in written() if line["level"] != "info" and line["logger"] != "asyncio"]
    stage.sandbox.http.delete("/faults")
    assert lines and all(line.get("order_no") == order_no for line in lines), lines
    assert all({"step", "code", "attempt"} <= set(line) for line in lines), lines
    failed = [line for line in lines if line["logger"] == "temporalio.activity"]
    assert [line["attempt"] for line in failed] == [1, 2, 3, 4, 5]
    assert {(line["step"], line["code"]) for line in failed} == {("book", "http_500")}


async def test_no_span_holds_anything_personal(stage: Stage, exporter: InMemorySpanExporter) -> None:
    order_no = await place(stage)
    await stage.reaches(order_no, "preparing")
    whole = "".join(span.to_json() for span in exporter.get_finished_spans())
    assert order_no in whole, sorted({span.name for span in exporter.get_finished_spans()})
    for word in ("Xiaoming", "wang@example.com", "13800138000"):
        assert word not in whole
