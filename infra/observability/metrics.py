"""Prometheus metrics of every process, and the small server that shows those of the processes without HTTP."""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import perf_counter
from typing import Any, Protocol

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, Counter, Gauge, Histogram, generate_latest

PORT_RETRY_S = 1.0
_log = logging.getLogger(__name__)
FAST_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
LAG_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 1800.0)

HTTP_REQUESTS = Counter("oms_http_requests_total", "Requests answered.", ["route", "method", "status"])
HTTP_SECONDS = Histogram("oms_http_request_seconds", "From request to answer.", ["route", "method"], buckets=FAST_S)
ACTIVITY_SECONDS = Histogram("oms_activity_seconds", "One attempt.", ["activity", "outcome"], buckets=FAST_S)
ORDERS_PARKED = Counter("oms_orders_parked_total", "Orders parked at a step, by error code.", ["step", "error"])
PROVIDER_CALLS = Counter("oms_provider_calls_total", "Calls by outcome.", ["provider", "operation", "outcome"])
PROVIDER_SECONDS = Histogram("oms_provider_seconds", "One call.", ["provider", "operation"], buckets=FAST_S)
OUTBOX_LAG = Histogram("oms_outbox_lag_seconds", "From an event's commit to its delivery.", buckets=LAG_S)
NOTICES = Counter("oms_notices_total", "Attempts to tell staff something, by outcome.", ["channel", "outcome"])
MESSAGES = Counter("oms_messages_total", "Attempts to tell customers something, by outcome.", ["channel", "outcome"])
ORDERS_IN_FLIGHT = Gauge("oms_orders_in_flight", "Orders begun here with work ahead, as last counted.")
DISPATCH_LAG = Histogram("oms_dispatch_lag_seconds", "From an order's commit to its workflow's start.", buckets=LAG_S)
BACKLOG = Gauge("oms_backlog", "Open rows of a queue; 10,000 means or more.", ["queue"])
BACKLOG_OLDEST = Gauge("oms_backlog_oldest_seconds", "Age of the oldest open row of a queue.", ["queue"])
BACKLOGS_OBSERVED = Gauge("oms_backlogs_observed_timestamp_seconds", "When the backlogs were last read, since 1970.")


class Waiting(Protocol):
    """What waits in one queue."""

    @property
    def queue(self) -> str: ...
    @property
    def open(self) -> int: ...
    @property
    def oldest_s(self) -> float: ...


def observe_backlogs(found: Iterable[Waiting]) -> None:
    """Sets the gauges of all queues, of the empty ones too. While nobody can read, `…_observed_…` stands still."""
    for one in found:
        BACKLOG.labels(one.queue).set(one.open)
        BACKLOG_OLDEST.labels(one.queue).set(one.oldest_s)
    BACKLOGS_OBSERVED.set_to_current_time()


@contextmanager
def activity_timer(activity: str) -> Iterator[None]:
    """Observes one attempt of an activity; the outcome is "ok" or "error"."""
    started_s, outcome = perf_counter(), "error"
    try:
        yield
        outcome = "ok"
    finally:
        ACTIVITY_SECONDS.labels(activity, outcome).observe(perf_counter() - started_s)


def exposition() -> tuple[bytes, str]:
    """All metrics of this process in Prometheus's text form, and the content type that goes with it."""
    return generate_latest(REGISTRY), CONTENT_TYPE_LATEST


Answer = tuple[bool, Mapping[str, Any]]


def serve(
    port: int,
    healthy: Callable[[], bool] = lambda: True,
    host: str = "127.0.0.1",
    *,
    ready: Callable[[], Answer] | None = None,
) -> int | None:
    """Answers /metrics, /healthz (503 while not `healthy()`: to be started again) and /readyz in a daemon thread.

    `ready` says whether the process does its work, and what keeps it from it; without it health decides. Port 0 picks a
    free one. Returns the actual port, or None when it cannot be had: that is logged, and tried again until it can. What
    the process is there for goes on meanwhile.
    """
    handler = _handler(healthy, ready or (lambda: _health(healthy(), "ready")))
    try:
        return _begin(host, port, handler)
    except OSError as error:
        words = "%s:%d cannot be had for metrics and probes (%s); the process works without them, and tries again"
        _log.error(words, host, port, error.strerror or error, extra={"code": "metrics_port_taken"})
    threading.Thread(target=_begin_later, args=(host, port, handler), name="metrics port", daemon=True).start()
    return None


def _begin(host: str, port: int, handler: type[BaseHTTPRequestHandler]) -> int:
    server = ThreadingHTTPServer((host, port), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server.server_port


def _begin_later(host: str, port: int, handler: type[BaseHTTPRequestHandler]) -> None:
    while True:
        time.sleep(PORT_RETRY_S)
        with suppress(OSError):
            _begin(host, port, handler)
            _log.info("metrics and probes are at %s:%d now", host, port)
            return


def _health(ok: bool, word: str) -> Answer:
    return ok, {"status": word if ok else "down"}


def _handler(healthy: Callable[[], bool], ready: Callable[[], Answer]) -> type[BaseHTTPRequestHandler]:
    probes: dict[str, Callable[[], Answer]] = {"/healthz": lambda: _health(healthy(), "ok"), "/readyz": ready}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 10

        def do_GET(self) -> None:
            status, body, content_type = _answer(self.path.partition("?")[0], probes)
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """A probe every few seconds is not worth a line."""

    return Handler


def _answer(path: str, probes: Mapping[str, Callable[[], Answer]]) -> tuple[int, bytes, str]:
    if path == "/metrics":
        return 200, *exposition()
    if path in probes:
        ok, text = probes[path]()
        return 200 if ok else 503, json.dumps(text).encode(), "application/json"
    return 404, b"", "text/plain"
