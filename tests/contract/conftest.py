"""Real providers for the contract tests, one start per module."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.conftest import DatabaseUrls
from tests.contract.credit_bench import credit_bench
from tests.contract.payment_bench import (
    PATIENT_S,
    SECRET,
    PaymentBench,
    guarded,
    sandbox_at,
    standard_signed,
    stripe_at,
    stripe_signed,
)
from tests.contract.processes import localstripe, sandbox
from tests.contract.receiver import Receiver
from tests.infra.servers import serving


@pytest.fixture(scope="module", params=["sandbox", "stripe", "store_credit"])
async def bench(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, database_url: DatabaseUrls
) -> AsyncIterator[PaymentBench]:
    if request.param == "store_credit":
        async with credit_bench(database_url) as in_books:
            yield in_books
        return
    directory: Path = tmp_path_factory.mktemp(request.param)
    receiver = Receiver()
    start = _sandbox if request.param == "sandbox" else _localstripe
    async with serving(receiver.app) as hooks, start(directory, hooks, receiver) as made:
        yield made
        await made.gateway.aclose()


@asynccontextmanager
async def _sandbox(directory: Path, hooks: str, receiver: Receiver) -> AsyncIterator[PaymentBench]:
    async with sandbox(directory, f"{hooks}/v1/webhooks/sandbox", SECRET, PENDING_S="60") as url:
        gateway = guarded(sandbox_at(url, PATIENT_S))
        yield PaymentBench(gateway, url, receiver, "tok_ok", "tok_decline", "CNY", sandbox_at, standard_signed)


@asynccontextmanager
async def _localstripe(directory: Path, hooks: str, receiver: Receiver) -> AsyncIterator[PaymentBench]:
    async with localstripe(directory, f"{hooks}/v1/webhooks/stripe", SECRET) as url:
        gateway, declined = guarded(stripe_at(url, PATIENT_S)), "pm_card_chargeCustomerFail"
        yield PaymentBench(gateway, url, receiver, "pm_card_visa", declined, "EUR", stripe_at, stripe_signed)
