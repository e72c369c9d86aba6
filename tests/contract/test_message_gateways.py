"""What every message provider does alike: the sandbox as a process, and SMTP to a real mail server."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from domain.gateways import MessageGateway, OutgoingMessage, ProviderRefused, ProviderUnavailable
from infra.gateways.circuit_breaker import CircuitBreaker
from infra.gateways.instrumented import instrumented
from infra.gateways.notifications.sandbox_messages import SandboxMessages
from infra.gateways.notifications.smtp_messages import SmtpMessages
from infra.settings import Settings
from tests.contract import faulty
from tests.contract.payment_bench import NEVER, PATIENT_S, SECRET, TIMEOUT_S
from tests.contract.processes import free_port, sandbox
from tests.infra.alerts.alert_servers import mail_server

LETTER = OutgoingMessage(
    idempotency_key="N1.1.email",
    channel="email",
    template="order_placed",
    order_no="N1",
    to="xiaoming@example.com",
    subject="已收到您的订单 N1",
    body="感谢您的惠顾。\nhttps://shop.example/portal/orders/N1\n",
)


@dataclass
class Bench:
    """A provider on its server; `taken` is what it has brought, as {to, subject, body, key}."""

    gateway: MessageGateway
    at: Callable[[str], MessageGateway]
    taken: Callable[[], Awaitable[list[dict[str, Any]]]]
    refuse: Callable[[], Awaitable[Any]]
    fail: Callable[[], Awaitable[Any]]
    well: Callable[[], Awaitable[Any]]
    once: bool


def _guarded(gateway: MessageGateway) -> MessageGateway:
    return instrumented(gateway, CircuitBreaker(gateway.name, NEVER, 1.0))


@asynccontextmanager
async def _sandbox(directory: Path) -> AsyncIterator[Bench]:
    async with sandbox(directory, "", SECRET) as url, httpx.AsyncClient(base_url=url) as outside:

        async def fault(mode: str) -> None:
            (await outside.post("/faults", json={"target": "messages", "mode": mode})).raise_for_status()

        async def taken() -> list[dict[str, Any]]:
            items = (await outside.get("/messages")).json()["items"]
            text = [(await outside.get(f"/messages/{item['id']}/content")).json() for item in items]
            return [{**one, "key": item["idempotency_key"]} for one, item in zip(text, items, strict=True)]

        yield Bench(
            _guarded(SandboxMessages(url, PATIENT_S)),
            lambda base: SandboxMessages(base, TIMEOUT_S),
            taken,
            lambda: fault("reject"),
            lambda: fault("error"),
            lambda: outside.delete("/faults"),
            once=True,
        )


def _smtp_at(port: int, timeout_s: float = 60.0) -> MessageGateway:
    mail = {"smtp_host": "127.0.0.1", "smtp_port": port, "smtp_from": "Tea <tea@shop.example>", "smtp_tls": "none"}
    return SmtpMessages(Settings(**mail, webhook_timeout_s=timeout_s))  # type: ignore[arg-type]


@asynccontextmanager
async def _smtp(_: Path) -> AsyncIterator[Bench]:
    async with mail_server() as post:

        async def taken() -> list[dict[str, Any]]:
            return [_read(email) for email in post.letters]

        async def answer(words: str) -> None:
            post.refuse = words

        yield Bench(
            _guarded(_smtp_at(post.port)),
            lambda base: _smtp_at(int(base.rpartition(":")[2]), 0.1),
            taken,
            lambda: answer("550 no such user"),
            lambda: answer("451 later"),
            lambda: answer(""),
            once=False,
        )


def _read(email: Any) -> dict[str, Any]:
    key = email["Message-ID"].removeprefix("<").removesuffix("@shop.example>")
    return {
        "to": email["To"],
        "subject": email["Subject"],
        "body": email.get_content().replace("\r\n", "\n"),
        "key": key,
    }


@pytest.fixture(params=["sandbox", "smtp"])
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    start = _sandbox if request.param == "sandbox" else _smtp
    async with start(tmp_path) as made:
        yield made
        await made.gateway.aclose()


async def test_a_message_arrives_as_it_was_written(bench: Bench) -> None:
    reference = await bench.gateway.send(LETTER)
    assert reference
    [arrived] = await bench.taken()
    assert {name: arrived[name] for name in ("to", "subject", "body", "key")} == {
        "to": LETTER.to, "subject": LETTER.subject, "body": LETTER.body, "key": LETTER.idempotency_key,
    }  # fmt: skip


async def test_a_repeat_is_known_by_its_key(bench: Bench) -> None:
    first = await bench.gateway.send(LETTER)
    assert await bench.gateway.send(LETTER) == first
    assert {one["key"] for one in await bench.taken()} == {LETTER.idempotency_key}
    # A mail server keeps no keys: there are two letters then, and one Message-ID.
    assert len(await bench.taken()) == (1 if bench.once else 2)


async def test_another_key_is_another_message(bench: Bench) -> None:
    await bench.gateway.send(LETTER)
    await bench.gateway.send(replace(LETTER, idempotency_key="N1.2.email"))
    assert [one["key"] for one in await bench.taken()] == ["N1.1.email", "N1.2.email"]


async def test_a_refusal_is_final_and_a_code(bench: Bench) -> None:
    await bench.refuse()
    with pytest.raises(ProviderRefused) as caught:
        await bench.gateway.send(LETTER)
    assert "xiaoming" not in str(caught.value) and "no such user" not in str(caught.value)
    assert await bench.taken() == []


async def test_trouble_passes(bench: Bench) -> None:
    await bench.fail()
    with pytest.raises(ProviderUnavailable):
        await bench.gateway.send(LETTER)
    await bench.well()
    await bench.gateway.send(LETTER)
    assert len(await bench.taken()) == 1


async def test_nobody_there_and_nobody_answering_are_unavailable_in_time(bench: Bench) -> None:
    gateway = bench.at(f"http://127.0.0.1:{free_port()}")
    with pytest.raises(ProviderUnavailable, match="connection"):
        await gateway.send(LETTER)
    await gateway.aclose()
    async with faulty.silent() as url:
        gateway = bench.at(url)
        with pytest.raises(ProviderUnavailable, match="timeout"):
            await gateway.send(LETTER)
        await gateway.aclose()
    assert bench.gateway.longest_s > 0


@pytest.mark.parametrize("to", ["a@example.com\r\nBcc: all@example.com", "a@example.com\nX: y"])
async def test_no_header_is_smuggled_into_a_letter(to: str) -> None:
    async with mail_server() as post:
        with pytest.raises(ProviderRefused, match="address_invalid"):
            await _smtp_at(post.port).send(replace(LETTER, to=to))
        assert post.letters == []


async def test_an_address_that_the_server_can_never_take_is_refused() -> None:
    async with mail_server() as post:
        with pytest.raises(ProviderRefused):
            await _smtp_at(post.port).send(replace(LETTER, to="小明@example.com"))


@pytest.mark.parametrize(
    ("login", "code"), [({}, "smtp_530"), ({"smtp_user": "x", "smtp_password": "y"}, "smtp_not_supported")]
)
async def test_our_own_login_is_not_the_customers_fault(login: dict[str, str], code: str) -> None:
    async with mail_server(login=("oms", "pass")) as post:
        mail = {"smtp_host": "127.0.0.1", "smtp_port": post.port, "smtp_from": "a@shop.example", "smtp_tls": "none"}
        with pytest.raises(ProviderUnavailable, match=code):
            await SmtpMessages(Settings(**mail, **login)).send(LETTER)  # type: ignore[arg-type]


async def test_an_answer_that_says_nothing_is_none() -> None:
    async with faulty.answering(201, "{}") as url:
        gateway = SandboxMessages(url, PATIENT_S)
        with pytest.raises(ProviderUnavailable, match="bad_response"):
            await gateway.send(LETTER)
        await gateway.aclose()
