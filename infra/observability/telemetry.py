"""Logs and traces of a process: `setup` once at its start, `instrument_*` for what it uses.

Logs are one JSON object a line. Traces cost nothing until an OTLP endpoint is set: without one there is no provider and
no interceptor. Neither holds anything personal: see `infra.observability.privacy`.
"""

import json
import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, Token
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakSet

from opentelemetry import context, metrics, propagate, trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased

from infra.observability.log_fields import about_order, without_details
from infra.observability.privacy import PersonalFilter, PrivateExporter, described_exception, extra_fields

if TYPE_CHECKING:
    from aiohttp import TraceConfig

    # Each process imports only what it uses.
    from fastapi.telemetry import TelemetryConfig
    from sqlalchemy.engine import Engine
    from temporalio.contrib.opentelemetry import TracingInterceptor

_NOTHING: Mapping[str, Any] = MappingProxyType({})
_bound: ContextVar[Mapping[str, Any]] = ContextVar("bound", default=_NOTHING)
_provider: TracerProvider | None = None
# For statements: one that belongs to no request, order or message is a look into a queue, many times a second.
_statements: TracerProvider | None = None
_service = "oms"
_engines: "WeakSet[Engine]" = WeakSet()

CHATTY = ("httpx", "httpcore", "urllib3", "stripe", "opentelemetry")
PROBES = frozenset({"/healthz", "/readyz", "/metrics"})


class TelemetrySettings(Protocol):
    """The part of Settings that telemetry reads."""

    @property
    def otlp_endpoint(self) -> str: ...
    @property
    def log_level(self) -> str: ...


def setup(service: str, settings: TelemetrySettings) -> None:
    """JSON logs on standard error for the whole process; traces to `otlp_endpoint` (a base URL) when it is set."""
    global _service  # noqa: PLW0603 - the name of the process, set once at its start
    _service = service
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines())
    handler.addFilter(PersonalFilter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        # They bring handlers of their own, which would write a second form of line.
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    if settings.otlp_endpoint:
        _add(BatchSpanProcessor(PrivateExporter(_otlp_exporter(settings.otlp_endpoint))))


class _Bound:
    """Undoes the binding at the end of a `with`; outside one, the binding lasts as long as its task."""

    def __init__(self, token: "Token[Mapping[str, Any]]") -> None:
        self._token = token

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        _bound.reset(self._token)


def bind_order(order_no: str | None, **about: str | int | None) -> _Bound:
    """Names the order that this task works on: its log lines and spans carry it. Also usable as a context manager.

    `about` are fields of its log lines: step, attempt.
    """
    if order_no is not None and _provider is not None:
        trace.get_current_span().set_attribute("oms.order_no", order_no)
    return _Bound(_bound.set({"order_no": order_no, **about}))


def tracing() -> bool:
    """Whether spans of this process go anywhere."""
    return _provider is not None


def use_exporter(exporter: SpanExporter) -> None:
    """Turns tracing on with this exporter, which sees each span at its end. For tests."""
    _add(SimpleSpanProcessor(PrivateExporter(exporter)))


def flush(timeout_s: float = 5.0) -> None:
    """Sends what is still buffered; call before a process ends."""
    if _provider is not None:
        _provider.force_flush(int(timeout_s * 1000))


def of_requests() -> "TelemetryConfig":
    """For `FastAPI(telemetry=…)`: one span per request, probes excepted; nothing when tracing is off.

    FastAPI names the span after it has found the route. Its logs are off, since they hold messages of exceptions.
    """
    if _provider is None:
        return {"tracing": False, "metrics": False, "logs": False}
    return {
        "tracer_provider": _provider,
        "metrics": False,
        "logs": False,
        "operation_spans": False,
        "exclude": lambda scope: scope.get("path") in PROBES,
    }


def instrument_engine(engine: "Engine") -> None:
    """One span per statement of this engine (`async_engine.sync_engine`) inside another span; without values."""
    if _statements is not None and engine not in _engines:
        # One tracer per engine: the instrumentor would take the listeners of all engines off and put them on again for
        # each new one, under connections that are just being made.
        from opentelemetry.instrumentation.sqlalchemy.engine import EngineTracer

        usage = metrics.get_meter("oms").create_up_down_counter("db.client.connections.usage")
        EngineTracer(_statements.get_tracer("oms.sql"), engine, usage)  # type: ignore[no-untyped-call]
        _engines.add(engine)


def instrument_httpx() -> None:
    """One span per call of every httpx client made from now on, and the trace's context in its headers."""
    if _provider is not None:
        from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor

        instrumentor = HTTPXClientInstrumentor()
        if not instrumentor.is_instrumented_by_opentelemetry:
            instrumentor.instrument(tracer_provider=_provider)


def aiohttp_tracing() -> "list[TraceConfig]":
    """For an aiohttp session: one span per call and the trace's context in its headers; empty when tracing is off."""
    if _provider is None:
        return []
    from opentelemetry.instrumentation.aiohttp_client import create_trace_config

    return [create_trace_config(tracer_provider=_provider)]


def temporal_interceptors() -> "list[TracingInterceptor]":
    """What a Temporal client needs to carry the trace through workflows and activities; empty when tracing is off."""
    if _provider is None:
        return []
    from temporalio.contrib.opentelemetry import TracingInterceptor

    return [TracingInterceptor(_provider.get_tracer("oms.temporal"))]


@contextmanager
def untraced() -> Iterator[None]:
    """HTTP calls made inside leave no span: their addresses are secrets."""
    if _provider is None:
        yield
        return
    from opentelemetry.instrumentation.utils import suppress_http_instrumentation

    with suppress_http_instrumentation():
        yield


@contextmanager
def span(name: str, **attributes: str | int | float | bool) -> Iterator[None]:
    """A span of our own, for what no library instruments. Attributes must not be personal."""
    if _provider is None:
        yield
        return
    with _provider.get_tracer("oms").start_as_current_span(name, attributes=attributes):
        yield


def current_traceparent() -> str | None:
    """The current span in W3C form, to be stored in a table row; None when tracing is off or there is no span."""
    if _provider is None:
        return None
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return carrier.get("traceparent")


@contextmanager
def continued(traceparent: str | None) -> Iterator[None]:
    """Spans begun inside belong to the trace that `current_traceparent` stored; without one, nothing changes."""
    if _provider is None or traceparent is None:
        yield
        return
    token = context.attach(propagate.extract({"traceparent": traceparent}))
    try:
        yield
    finally:
        context.detach(token)


def _add(processor: SpanProcessor) -> None:
    global _provider, _statements  # noqa: PLW0603 - OpenTelemetry itself allows one provider per process
    if _provider is None or _statements is None:
        resource = Resource.create({"service.name": _service})
        _provider = TracerProvider(resource=resource)
        _statements = TracerProvider(sampler=ParentBased(ALWAYS_OFF), resource=resource, shutdown_on_exit=False)
        trace.set_tracer_provider(_provider)
    _provider.add_span_processor(processor)
    _statements.add_span_processor(processor)


def _otlp_exporter(endpoint: str) -> SpanExporter:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")


class _JsonLines(logging.Formatter):
    """One record, one line: what is bound, what was said, what was added."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "service": _service,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= about_order(record, _bound.get())
        if (span_context := trace.get_current_span().get_span_context()).is_valid:
            line["trace_id"] = format(span_context.trace_id, "032x")
        line |= without_details(extra_fields(record))
        if record.exc_info and record.exc_info[1]:
            line |= described_exception(record.exc_info[1])
        return json.dumps(line, ensure_ascii=False, default=str)
