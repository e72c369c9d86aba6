"""Tracing for the tests of one module."""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from infra.observability import telemetry

# OpenTelemetry allows one provider per process.
_kept: list[tuple[TracerProvider | None, TracerProvider | None]] = []


@contextmanager
def traced() -> Iterator[InMemorySpanExporter]:
    """Keeps the spans of the block. Afterwards tracing is off again: spans that nobody reads fill the memory of a
    process that runs a quarter of all tests."""
    if _kept:
        telemetry._provider, telemetry._statements = _kept.pop()
    exporter = InMemorySpanExporter()
    telemetry.use_exporter(exporter)
    try:
        yield exporter
    finally:
        exporter.shutdown()
        exporter.clear()
        HTTPXClientInstrumentor().uninstrument()
        _kept.append((telemetry._provider, telemetry._statements))
        telemetry._provider = telemetry._statements = None
