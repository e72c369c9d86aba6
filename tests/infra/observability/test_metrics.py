"""Metrics and the server that shows them."""

import socket
import time
import urllib.error
import urllib.request

import pytest

from infra.observability import metrics
from infra.stack.data_dir.ports import any_free


def _get(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.fixture(scope="module")
def health() -> dict[str, bool]:
    return {"ok": True}


@pytest.fixture(scope="module")
def port(health: dict[str, bool]) -> int:
    return metrics.serve(0, lambda: health["ok"]) or 0


@pytest.mark.parametrize(
    "name",
    [
        "oms_http_requests_total", "oms_http_request_seconds", "oms_activity_seconds", "oms_orders_parked_total",
        "oms_provider_calls_total", "oms_provider_seconds", "oms_outbox_lag_seconds", "oms_dispatch_lag_seconds",
    ],
)  # fmt: skip
def test_every_metric_is_shown(port: int, name: str) -> None:
    assert f"# HELP {name} " in _get(port, "/metrics")[1]


def test_counts_are_shown(port: int) -> None:
    metrics.ORDERS_PARKED.labels("capture", "timeout").inc()
    assert 'oms_orders_parked_total{error="timeout",step="capture"} 1.0' in _get(port, "/metrics")[1]


def test_an_activity_is_timed_by_its_outcome(port: int) -> None:
    with metrics.activity_timer("reserve"):
        pass
    with pytest.raises(ZeroDivisionError), metrics.activity_timer("reserve"):
        raise ZeroDivisionError
    body = _get(port, "/metrics")[1]
    for outcome in ("ok", "error"):
        assert f'oms_activity_seconds_count{{activity="reserve",outcome="{outcome}"}} 1.0' in body


def test_health_follows_the_process(port: int, health: dict[str, bool]) -> None:
    assert _get(port, "/healthz")[0] == 200
    health["ok"] = False
    assert _get(port, "/healthz")[0] == 503
    health["ok"] = True


def test_an_unknown_path_is_404(port: int) -> None:
    assert _get(port, "/other")[0] == 404


def test_a_taken_port_is_reported_and_taken_when_it_is_free(caplog: pytest.LogCaptureFixture) -> None:
    wanted = any_free(set())
    with socket.create_server(("127.0.0.1", wanted)):
        assert metrics.serve(wanted) is None
    reported = [
        record.__dict__.get("code") for record in caplog.records if record.name == "infra.observability.metrics"
    ]
    assert reported == ["metrics_port_taken"]
    end_s = time.monotonic() + 60
    while not _answers(wanted):
        assert time.monotonic() < end_s
        time.sleep(0.05)


def _answers(port: int) -> bool:
    try:
        return _get(port, "/healthz")[0] == 200
    except OSError:
        return False
