"""Logs and traces: what they carry, and what they never do."""

import asyncio
import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest
from fastapi import FastAPI
from opentelemetry import trace
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sqlalchemy import create_engine, text

from infra.observability import telemetry
from infra.security.network_addresses import Reach
from infra.settings import Settings
from tests.tracing import traced

PERSONAL = ["刘德", "liu@example.com", "13800138000"]


@pytest.fixture(scope="module")
def _exporter() -> Iterator[InMemorySpanExporter]:
    with traced() as exporter:
        yield exporter


@pytest.fixture
def exporter(_exporter: InMemorySpanExporter) -> Iterator[InMemorySpanExporter]:
    _exporter.clear()
    yield _exporter
    _exporter.clear()


class Lines:
    """The records that were written since the last look."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    def read(self) -> list[dict[str, object]]:
        written = self.stream.getvalue()
        self.stream.seek(0)
        self.stream.truncate()
        return [json.loads(line) for line in written.splitlines()]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lines]:
    root, lines = logging.getLogger(), Lines()
    handlers, level = root.handlers[:], root.level
    monkeypatch.setattr(sys, "stderr", lines.stream)
    telemetry.setup("test", Settings(log_level="INFO"))
    (ours,) = root.handlers
    # The test runner's own handlers come and go with its phases: they are not ours to put back later.
    root.handlers[:] = [*handlers, ours]
    yield lines
    root.removeHandler(ours)
    root.setLevel(level)


def test_a_record_is_one_json_line(lines: Lines) -> None:
    logging.getLogger("oms.x").warning("two\nlines %s", 7, extra={"attempt": 2})
    (line,) = lines.read()
    assert line.pop("time").endswith("+00:00")
    expected = {"level": "warning", "service": "test", "logger": "oms.x", "message": "two\nlines 7", "attempt": 2}
    assert {key: line[key] for key in expected} == expected
    assert "order_no" not in line


async def test_the_bound_order_is_named_and_stays_in_its_task(lines: Lines) -> None:
    log = logging.getLogger("oms.x")

    async def work(order_no: str) -> None:
        telemetry.bind_order(order_no)
        await asyncio.sleep(0)
        log.info("in task")

    await asyncio.gather(work("A"), work("B"))
    with telemetry.bind_order("C"):
        log.info("inside")
    log.info("outside")
    assert [line.get("order_no") for line in lines.read()] == ["A", "B", "C", None]


def test_personal_keys_are_dropped_at_any_depth(lines: Lines) -> None:
    extra = {"phone": PERSONAL[2], "order": {"email": PERSONAL[1], "lines": [{"recipient": PERSONAL[0], "sku": "S"}]}}
    logging.getLogger("oms.x").info("placed", extra=extra)
    logging.getLogger("oms.x").info("by %(name)s", {"name": PERSONAL[0]})
    first, second = lines.read()
    assert first["order"] == {"lines": [{"sku": "S"}]}
    assert second["message"] == "by [removed]"
    assert not any(word in json.dumps([first, second], ensure_ascii=False) for word in PERSONAL)


def test_an_exception_is_described_without_its_message(lines: Lines) -> None:
    class Refused(Exception):
        code = "declined"

    try:
        try:
            raise KeyError(PERSONAL[1])
        except KeyError as cause:
            raise Refused(PERSONAL[0]) from cause
    except Refused:
        logging.getLogger("oms.x").exception("failed")
    (line,) = lines.read()
    assert (line["error"], line["code"]) == ("Refused", "declined")
    assert "test_telemetry.py" in line["stack"][0]
    assert line["cause"].startswith("KeyError")
    assert not any(word in json.dumps(line, ensure_ascii=False) for word in PERSONAL)


def test_an_access_line_loses_its_query(lines: Lines) -> None:
    logging.getLogger("uvicorn.access").info(
        '%s - "%s %s HTTP/%s" %d', "127.0.0.1:1", "GET", f"/v1/orders?q={PERSONAL[2]}", "1.1", 200
    )
    assert lines.read()[0]["message"] == '127.0.0.1:1 - "GET /v1/orders HTTP/1.1" 200'


async def test_one_trace_from_request_to_statement(exporter: InMemorySpanExporter, lines: Lines) -> None:
    app, engine = FastAPI(telemetry=telemetry.of_requests()), create_engine("sqlite://")
    telemetry.instrument_engine(engine)

    @app.get("/orders/{order_no}")
    def read(order_no: str) -> str:
        telemetry.bind_order(order_no)
        with engine.connect() as connection:
            connection.execute(text("SELECT :name"), {"name": PERSONAL[0]})
        logging.getLogger("oms.x").info("read")
        return telemetry.current_traceparent() or ""

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://t") as client:
        traceparent = (await client.get("/orders/N1", params={"q": PERSONAL[2]})).json()
    spans = exporter.get_finished_spans()
    request = next(span for span in spans if span.name == "GET /orders/{order_no}")
    statement = next(span for span in spans if "SELECT" in span.name)
    trace_id = format(request.context.trace_id, "032x")
    assert statement.context.trace_id == request.context.trace_id
    assert request.attributes["oms.order_no"] == "N1"
    assert traceparent.split("-")[1] == trace_id
    assert next(line for line in lines.read() if line["logger"] == "oms.x")["trace_id"] == trace_id
    written = "".join(span.to_json() for span in spans)
    assert not any(word in written or json.dumps(word) in written for word in PERSONAL)


def test_a_second_engine_is_traced_too(exporter: InMemorySpanExporter) -> None:
    engines = [create_engine("sqlite://"), create_engine("sqlite://")]
    for engine in engines:
        telemetry.instrument_engine(engine)
    for engine in engines:
        exporter.clear()
        with telemetry.span("outside"), engine.connect() as connection:
            connection.execute(text("SELECT 1"))
        assert len([span for span in exporter.get_finished_spans() if span.name.startswith("SELECT")]) == 1


def test_a_look_into_a_queue_leaves_no_span(exporter: InMemorySpanExporter) -> None:
    engine = create_engine("sqlite://")
    telemetry.instrument_engine(engine)
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))
    assert exporter.get_finished_spans() == ()


def test_the_trace_goes_on_after_a_table_row(exporter: InMemorySpanExporter) -> None:
    with telemetry.span("front door"):
        stored = telemetry.current_traceparent()
    with telemetry.continued(stored), telemetry.span("relay"):
        pass
    with telemetry.continued(None), telemetry.span("alone"):
        pass
    spans, relay, alone = exporter.get_finished_spans()
    assert (relay.context.trace_id, relay.parent.span_id) == (spans.context.trace_id, spans.context.span_id)
    assert alone.context.trace_id != spans.context.trace_id


def test_a_span_names_the_error_but_not_its_message(exporter: InMemorySpanExporter) -> None:
    with pytest.raises(ValueError, match=PERSONAL[0]), telemetry.span("step"):
        raise ValueError(PERSONAL[0])
    (span,) = exporter.get_finished_spans()
    assert span.status.status_code is trace.StatusCode.ERROR
    assert span.events[0].attributes["exception.type"] == "ValueError"
    assert not any(word in span.to_json() or json.dumps(word)[1:-1] in span.to_json() for word in PERSONAL)


async def test_a_call_carries_the_trace_in_its_headers(exporter: InMemorySpanExporter) -> None:
    telemetry.instrument_httpx()
    headers: dict[str, str] = {}
    app = FastAPI()

    @app.middleware("http")
    async def keep(request, call_next):  # type: ignore[no-untyped-def]
        headers.update(request.headers)
        return await call_next(request)

    from tests.infra.servers import serving

    async with serving(app) as base, httpx.AsyncClient() as client:
        with telemetry.span("outside"):
            await client.get(f"{base}/x?phone={PERSONAL[2]}")
    outer = next(span for span in exporter.get_finished_spans() if span.name == "outside")
    assert format(outer.context.trace_id, "032x") in headers["traceparent"]
    assert not any(PERSONAL[2] in span.to_json() for span in exporter.get_finished_spans())


def test_tracing_interceptor_once_tracing_is_on(exporter: InMemorySpanExporter) -> None:
    assert len(telemetry.temporal_interceptors()) == 1


def test_without_an_endpoint_nothing_traces_and_nothing_is_imported_for_it() -> None:
    program = """
import sys
from infra.observability import telemetry
from infra.settings import Settings
telemetry.setup("x", Settings(otlp_endpoint=""))
assert telemetry.temporal_interceptors() == [] and not telemetry.tracing()
telemetry.of_requests(); telemetry.instrument_engine(None); telemetry.instrument_httpx()
with telemetry.span("s"), telemetry.continued("00-" + "1" * 32 + "-" + "2" * 16 + "-01"):
    assert telemetry.current_traceparent() is None
print([m for m in sys.modules if m.startswith("opentelemetry.instrumentation") or m in ("fastapi", "temporalio")])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


async def test_with_an_endpoint_spans_are_sent_there() -> None:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    from tests.infra.servers import serving

    received: list[tuple[str, bytes]] = []

    async def accept(request: Request) -> Response:
        received.append((request.url.path, await request.body()))
        return Response()

    program = """
import sys
from infra.observability import telemetry
from infra.settings import Settings
telemetry.setup("worker", Settings(otlp_endpoint=sys.argv[1]))
with telemetry.span("a step"):
    pass
telemetry.flush()
"""
    app = Starlette(routes=[Route("/v1/traces", accept, methods=["POST"])])
    async with serving(app) as base:
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, base)
        assert await process.wait() == 0
    assert received and received[0][0] == "/v1/traces" and b"worker" in received[0][1]


async def test_the_address_of_a_notices_channel_is_in_no_trace(exporter: InMemorySpanExporter) -> None:
    from infra import webhook_client
    from infra.alerts import message, sending
    from tests.infra.alerts.alert_servers import Robots
    from tests.infra.servers import serving

    telemetry.instrument_httpx()
    settings = Settings(allow_private_webhook_targets=True)
    target = {"secret": "whsec_MDEyMzQ1Njc4OWFiY2RlZg=="}
    async with serving(Robots().app) as base:
        async with webhook_client.client(5, Reach(private=True)) as http:
            await webhook_client.post(http, f"{base}/traced", {}, "")
        for kind in ("webhook", "dingtalk"):
            url = {"url": f"{base}/hook/s3cret"}
            assert (await sending.send(settings, kind, target | url, message.of_test("en", settings), "m")).error
    spans = [span.to_json() for span in exporter.get_finished_spans()]
    assert any("/traced" in span for span in spans) and not any("s3cret" in span for span in spans)
