"""One sandbox with a manual carrier for most tests; those who restart it or watch it move have their own."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.sandbox.harness import Receiver, Sandbox

_numbers = count(1)


@pytest.fixture(scope="package")
def shared_receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture(scope="package")
def shared_sandbox(tmp_path_factory: pytest.TempPathFactory, shared_receiver: Receiver) -> Iterator[Sandbox]:
    directory = tmp_path_factory.mktemp("sandbox") / "ledger"
    sandbox = Sandbox(directory, shared_receiver.url, OMS_SANDBOX_MANUAL_CARRIER="1", OMS_SANDBOX_SLOW_S="0.5")
    yield sandbox
    sandbox.close()


@pytest.fixture
def receiver(shared_receiver: Receiver) -> Iterator[Receiver]:
    yield shared_receiver
    shared_receiver.status = 204


@pytest.fixture
def sandbox(shared_sandbox: Sandbox) -> Iterator[Sandbox]:
    yield shared_sandbox
    shared_sandbox.http.delete("/faults")


@pytest.fixture
def order_no() -> str:
    return f"TEST-{next(_numbers):05d}"


@pytest.fixture
def own_sandbox(tmp_path: Path, receiver: Receiver) -> Iterator[Callable[..., Sandbox]]:
    started: list[Sandbox] = []

    def start(**env: str) -> Sandbox:
        started.append(Sandbox(tmp_path / f"ledger-{len(started)}", receiver.url, **env))
        return started[-1]

    yield start
    for sandbox in started:
        sandbox.close()
