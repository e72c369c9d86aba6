"""A sandbox process as a test sees it, and somebody who listens to its webhooks."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

import httpx
from standardwebhooks import Webhook

SECRET = "whsec_c2FuZGJveC10ZXN0LXNlY3JldC0wMTIzNDU2Nzg5"
DEADLINE_S = 60.0
T = TypeVar("T")


def until(condition: Callable[[], T], timeout_s: float = DEADLINE_S) -> T:
    """The first true value of the condition; AssertionError when none came in time."""
    end = time.monotonic() + timeout_s
    while not (value := condition()):
        assert time.monotonic() < end, "nothing happened in time"
        time.sleep(0.01)
    return value


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Receiver:
    """Takes webhooks, checks each signature, answers `status`."""

    def __init__(self) -> None:
        self.status = 204
        self.taken: list[dict[str, Any]] = []
        self.refused: list[str] = []
        self.badly_signed = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1/webhooks/sandbox"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def about(self, order_no: str) -> list[dict[str, Any]]:
        return [hook for hook in list(self.taken) if hook["data"]["order_no"] == order_no]

    def _take(self, body: bytes, headers: dict[str, str]) -> int:
        try:
            hook = Webhook(SECRET).verify(body, headers)
        except Exception:
            self.badly_signed += 1
            return 401
        if self.status >= 300:
            self.refused.append(headers["webhook-id"])
        else:
            self.taken.append({**hook, "id": headers["webhook-id"]})
        return self.status

    def _handler(receiver) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                status = receiver._take(body, {name.lower(): value for name, value in self.headers.items()})
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        return Handler


class Sandbox:
    """One data directory and the process on it, which may be stopped, killed and started again."""

    def __init__(self, directory: Path, webhook_url: str, **env: str) -> None:
        self.directory, self.port = directory, free_port()
        self.log = directory.parent / f"{directory.name}.log"
        self._env = {
            **os.environ,
            "OMS_SANDBOX_DIR": str(directory),
            "OMS_SANDBOX_PORT": str(self.port),
            "OMS_SANDBOX_WEBHOOK_URL": webhook_url,
            "OMS_SANDBOX_WEBHOOK_SECRET": SECRET,
            **env,
        }
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=60, trust_env=False)
        self.start()

    def start(self, **env: str) -> None:
        self._env.update(env)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", "from infra.sandbox.server import run; run()"],
                env=self._env,
                stdout=log,
                stderr=log,
            )
        until(self._ready)

    def _ready(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            return self.http.get("/healthz").status_code == 200
        except httpx.TransportError:
            return False

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE_S)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(DEADLINE_S)

    def close(self) -> None:
        self.http.close()
        if self.process.poll() is None:
            self.stop()

    def call(self, path: str, body: dict[str, Any], status: int = 200) -> dict[str, Any]:
        response = self.http.post(path, json=body)
        assert response.status_code == status, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def get(self, path: str, status: int = 200, **query: str) -> dict[str, Any]:
        response = self.http.get(path, params=query)
        assert response.status_code == status, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def items(self, path: str, **query: str) -> list[dict[str, Any]]:
        listed = self.get(path, 200, **query)
        assert listed["next_cursor"] is None
        rows: list[dict[str, Any]] = listed["items"]
        return rows

    def fault(self, target: str, mode: str, count: int = 1, **match: str) -> dict[str, Any]:
        return self.call("/faults", {"target": target, "mode": mode, "count": count, "match": match}, 201)

    def unanswered(self, path: str, body: dict[str, Any] | None = None) -> None:
        """The call must get no answer at all within half a second."""
        try:
            method = "GET" if body is None else "POST"
            response = self.http.request(method, path, json=body, timeout=0.5)
        except httpx.ReadTimeout:
            return
        raise AssertionError(f"answered {response.status_code}")

    def authorise(self, order_no: str, token: str = "tok_ok", status: int = 200, **other: Any) -> dict[str, Any]:
        return self.call("/payments/authorise", authorisation(order_no, token=token, **other), status)

    def capture(self, payment: dict[str, Any], amount_minor: int, key: str, status: int = 200) -> dict[str, Any]:
        return self.call(f"/payments/{payment['id']}/capture", move(payment, amount_minor, key), status)

    def refund(self, payment: dict[str, Any], amount_minor: int, key: str, status: int = 200) -> dict[str, Any]:
        return self.call(f"/payments/{payment['id']}/refund", move(payment, amount_minor, key), status)

    def void(self, payment: dict[str, Any], key: str, status: int = 200) -> dict[str, Any]:
        body = {"idempotency_key": key, "order_no": payment["order_no"]}
        return self.call(f"/payments/{payment['id']}/void", body, status)

    def book(self, order_no: str, status: int = 201, **other: Any) -> dict[str, Any]:
        return self.call("/shipments", booking(order_no, **other), status)


def authorisation(order_no: str, **other: Any) -> dict[str, Any]:
    body = {"order_no": order_no, "amount_minor": 1000, "currency": "CNY", "token": "tok_ok"}
    return {**body, "idempotency_key": f"{order_no}:authorise:1", **other}


def move(payment: dict[str, Any], amount_minor: int, key: str) -> dict[str, Any]:
    body = {"order_no": payment["order_no"], "currency": payment["currency"]}
    return {**body, "amount_minor": amount_minor, "idempotency_key": key}


def booking(order_no: str, **other: Any) -> dict[str, Any]:
    to = {
        "name": "Wang Xiaoming",
        "phone": "13800001111",
        "country": "CN",
        "province": "Zhejiang",
        "city": "Hangzhou",
        "district": "Xihu",
        "line1": "Whispering Lane 7",
        "postcode": "310000",
    }
    to.update(other.pop("to", {}))
    body = {"order_no": order_no, "idempotency_key": f"{order_no}:book:1", "reference": order_no, "to": to}
    body |= {"from": {"country": "CN", "province": "Shanghai", "city": "Shanghai"}}
    return {**body, "parcels": [{"weight_g": 1200}], "lines": [{"sku": "SKU-1", "quantity": 2}], **other}


def message(order_no: str, **other: Any) -> dict[str, Any]:
    body = {"channel": "email", "to": "xiaoming@example.com", "template": "order_shipped", "order_no": order_no}
    return {**body, "idempotency_key": f"{order_no}:message:1", "variables": {"name": "Wang Xiaoming"}, **other}
