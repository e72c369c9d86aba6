"""What outlives the process, what leaves it, and what is never written down."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.sandbox.config import ConfigError, SandboxConfig
from tests.sandbox.harness import SECRET, Receiver, Sandbox, authorisation, booking, message, until

StartSandbox = Callable[..., Sandbox]


def pay(sandbox: Sandbox, order_no: str) -> None:
    body = {"order_no": order_no, "amount_minor": 5, "currency": "CNY", "reference": "Wang Xiaoming"}
    sandbox.call("/payments/pay", body)


def test_webhooks_are_repeated_until_acknowledged(sandbox: Sandbox, receiver: Receiver, order_no: str) -> None:
    receiver.status = 503
    before = len(receiver.refused)
    pay(sandbox, order_no)
    until(lambda: len(receiver.refused) >= before + 3)
    assert len(set(receiver.refused[before:])) == 1
    receiver.status = 204
    (hook,) = until(lambda: receiver.about(order_no))
    assert hook["id"] == receiver.refused[-1]
    assert receiver.badly_signed == 0


def test_webhooks_survive_sigkill(own_sandbox: StartSandbox, receiver: Receiver, order_no: str) -> None:
    sandbox = own_sandbox()
    receiver.status = 500
    before = len(receiver.refused)
    for number in range(5):
        pay(sandbox, f"{order_no}-{number}")
    until(lambda: len(set(receiver.refused[before:])) == 5)
    sandbox.kill()
    receiver.status = 204
    sandbox.start()
    until(lambda: all(receiver.about(f"{order_no}-{number}") for number in range(5)))
    assert {receiver.about(f"{order_no}-{number}")[0]["id"] for number in range(5)} == set(receiver.refused[before:])


def test_acknowledged_webhooks_are_not_sent_again(own_sandbox: StartSandbox, receiver: Receiver, order_no: str) -> None:
    sandbox = own_sandbox()
    pay(sandbox, order_no)
    until(lambda: receiver.about(order_no))
    assert sandbox.stop() == 0
    sandbox.start()
    pay(sandbox, f"{order_no}-B")
    until(lambda: receiver.about(f"{order_no}-B"))
    assert len(receiver.about(order_no)) == 1


def test_a_pending_decision_survives_sigkill(own_sandbox: StartSandbox, receiver: Receiver, order_no: str) -> None:
    sandbox = own_sandbox(OMS_SANDBOX_PENDING_S="2")
    payment = sandbox.authorise(order_no, "tok_pending")
    sandbox.kill()
    sandbox.start()
    assert sandbox.authorise(order_no, "tok_pending")["id"] == payment["id"]
    assert until(lambda: receiver.about(order_no))[0]["data"]["status"] == "succeeded"


def test_every_answer_survives_sigkill(own_sandbox: StartSandbox, order_no: str) -> None:
    sandbox = own_sandbox(OMS_SANDBOX_MANUAL_CARRIER="1")
    payments = [sandbox.authorise(order_no, idempotency_key=f"{order_no}:{number}") for number in range(50)]
    shipment = sandbox.book(order_no)
    sent = sandbox.call("/messages", message(order_no), 201)
    fault = sandbox.fault("payments", "down")
    sandbox.kill()
    sandbox.start()
    assert sandbox.items("/payments") == payments
    assert sandbox.get(f"/shipments/{shipment['id']}") == shipment
    assert sandbox.items("/messages") == [sent]
    assert sandbox.items("/faults") == [fault]
    sandbox.authorise(order_no, status=503)


def test_sigterm_ends_with_0_even_while_a_call_is_held(own_sandbox: StartSandbox, order_no: str) -> None:
    sandbox = own_sandbox()
    sandbox.fault("payments", "timeout_before", 2)
    sandbox.unanswered("/payments/authorise", authorisation(order_no))
    with sandbox.http.stream("GET", "/payments"):
        assert sandbox.stop() == 0


def test_two_processes_cannot_share_a_ledger(own_sandbox: StartSandbox, receiver: Receiver) -> None:
    sandbox = own_sandbox()
    env = {"OMS_SANDBOX_DIR": str(sandbox.directory), "OMS_SANDBOX_PORT": "0"}
    code = "from infra.sandbox.server import run; run()"
    second = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=60)
    assert (second.returncode, second.stderr) == (2, "sandbox: database is locked\n")


def test_nothing_personal_is_written_down(own_sandbox: StartSandbox, order_no: str) -> None:
    sandbox = own_sandbox()
    to = {"line1": "Whispering Lane 7 UNDELIVERABLE"}
    sandbox.book(order_no)
    sandbox.call("/shipments", booking(f"{order_no}-B", to=to), 422)
    sandbox.call("/messages", message(order_no), 201)
    sandbox.call("/messages", message(order_no, channel="sms", to="13800001111", idempotency_key="sms"), 201)
    sandbox.call("/messages", message(order_no, channel="pigeon"), 422)
    sandbox.http.post("/messages", content=b'{"to": "xiaoming@example.com')
    pay(sandbox, order_no)
    assert sandbox.stop() == 0
    files = [path for path in [*sandbox.directory.rglob("*"), sandbox.log] if path.is_file()]
    content = b"".join(path.read_bytes() for path in files)
    assert order_no.encode() in content
    for secret in (b"Xiaoming", b"xiaoming", b"13800001111", b"Whispering", b"Zhejiang", b"310000", b"tok_ok"):
        assert secret not in content


def test_nothing_personal_is_in_the_write_ahead_log(own_sandbox: StartSandbox, order_no: str) -> None:
    sandbox = own_sandbox()
    sandbox.book(order_no)
    sandbox.call("/messages", message(order_no), 201)
    sandbox.kill()
    content = b"".join(path.read_bytes() for path in sandbox.directory.rglob("*"))
    assert order_no.encode() in content
    assert b"iaoming" not in content
    assert b"Whispering" not in content


def test_messages_are_listed_without_their_reader(sandbox: Sandbox, order_no: str) -> None:
    sent = sandbox.call("/messages", message(order_no), 201)
    assert sandbox.call("/messages", message(order_no), 201) == sent
    assert sent.keys() >= {"id", "channel", "template", "order_no", "to_hash", "idempotency_key"}
    assert sandbox.items("/messages", order_no=order_no) == [sent]
    answer = sandbox.call("/messages", message(order_no, template="other"), 422)
    assert answer["error_code"] == "idempotency_key_reused"
    assert sandbox.call("/messages", message(order_no, to=""), 422)["error_code"] == "invalid_request"


def test_health(sandbox: Sandbox) -> None:
    assert sandbox.get("/healthz") == {"status": "ok"}


def test_the_environment_is_read_with_its_defaults() -> None:
    config = SandboxConfig.from_env({"OMS_SANDBOX_DIR": "/d", "OMS_SANDBOX_MANUAL_CARRIER": "1"})
    assert config == SandboxConfig(Path("/d"), manual_carrier=True)
    assert (config.port, config.carrier_step_s, config.pending_s, config.slow_s) == (8010, 0.3, 1.0, 2.0)


@pytest.mark.parametrize(
    "env",
    [
        {},
        {"OMS_SANDBOX_DIR": "/d", "OMS_SANDBOX_PORT": "http"},
        {"OMS_SANDBOX_DIR": "/d", "OMS_SANDBOX_CARRIER_STEP_S": "-1"},
        {"OMS_SANDBOX_DIR": "/d", "OMS_SANDBOX_PENDING_S": "nan"},
        {"OMS_SANDBOX_DIR": "/d", "OMS_SANDBOX_WEBHOOK_URL": "http://127.0.0.1:1/"},
    ],
)
def test_a_wrong_environment_is_named(env: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="OMS_SANDBOX_"):
        SandboxConfig.from_env(env)


def test_without_a_receiver_webhooks_wait_in_the_ledger(
    own_sandbox: StartSandbox, receiver: Receiver, order_no: str
) -> None:
    sandbox = own_sandbox(OMS_SANDBOX_WEBHOOK_URL="")
    pay(sandbox, order_no)
    assert sandbox.stop() == 0
    sandbox.start(OMS_SANDBOX_WEBHOOK_URL=receiver.url, OMS_SANDBOX_WEBHOOK_SECRET=SECRET)
    until(lambda: receiver.about(order_no))


def test_the_newest_messages_can_be_read_until_the_process_ends(own_sandbox: StartSandbox, order_no: str) -> None:
    sandbox = own_sandbox()
    text = {"subject": "Hello Xiaoming", "body": "code 493 817"}
    first = sandbox.call("/messages", message(order_no, idempotency_key="0", **text), 201)
    assert sandbox.get(f"/messages/{first['id']}/content") == {"id": first["id"], "to": "xiaoming@example.com", **text}
    for number in range(1, 200):
        sandbox.call("/messages", message(order_no, idempotency_key=str(number), **text), 201)
    assert sandbox.get(f"/messages/{first['id']}/content")["body"] == "code 493 817"
    last = sandbox.call("/messages", message(order_no, idempotency_key="200", template="sign_in_code", **text), 201)
    assert sandbox.get(f"/messages/{first['id']}/content", 404)["error_code"] == "not_found"
    assert sandbox.items("/messages", template="sign_in_code") == [last]
    assert len(sandbox.items("/messages", to_hash=last["to_hash"])) == 201
    sandbox.kill()
    content = b"".join(path.read_bytes() for path in [*sandbox.directory.rglob("*"), sandbox.log] if path.is_file())
    assert b"Hello" not in content and b"493 817" not in content
    sandbox.start()
    assert sandbox.get(f"/messages/{last['id']}/content", 404)["error_code"] == "not_found"
    assert len(sandbox.items("/messages", order_no=order_no)) == 201


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"Origin": "null"}])
def test_foreign_hosts_and_origins_are_refused(sandbox: Sandbox, headers: dict[str, str]) -> None:
    for method, path in (("GET", "/payments"), ("POST", "/faults"), ("DELETE", "/faults")):
        assert sandbox.http.request(method, path, headers=headers).status_code == 403
    assert sandbox.http.get("/payments", headers={"Host": "localhost:1"}).status_code == 200


def test_names_of_its_own_are_known(own_sandbox: Callable[..., Sandbox]) -> None:
    named = own_sandbox(OMS_SANDBOX_KNOWN_HOSTS="sandbox, sandbox.shop.svc")
    assert named.http.get("/payments", headers={"Host": "sandbox:8010"}).status_code == 200
    assert named.http.get("/payments", headers={"Host": "other:8010"}).status_code == 403
