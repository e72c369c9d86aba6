"""The seed of the random moments, and two running stacks that the tests share."""

import random
import secrets
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.faults.stackrun import StackRun

SEED = pytest.StashKey[int]()
# Nobody moves the parcels and nobody is hurried: each test decides what happens next.
UNHURRIED = {"OMS_PAYMENT_TIMEOUT_S": "600", "OMS_PAYMENT_POLL_S": "1"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seed", type=int, default=None, help="repeat the random moments of an earlier run of faults")


def pytest_configure(config: pytest.Config) -> None:
    given = config.getoption("seed", default=None)
    config.stash[SEED] = secrets.randbelow(2**31) if given is None else given


def _reported(config: pytest.Config) -> str:
    seed = config.stash[SEED]
    return f"faults: seed {seed}; again with: python -m pytest tests/faults --seed {seed}"


@pytest.fixture(scope="session", autouse=True)
def seed(request: pytest.FixtureRequest) -> Iterator[int]:
    """The run's seed, printed before the first test of this folder."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    reporter = request.config.pluginmanager.getplugin("terminalreporter")
    if reporter is not None:
        with capture.global_and_fixture_disabled():
            reporter.ensure_newline()
            reporter.write_line(_reported(request.config))
    yield request.config.stash[SEED]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Iterator[None]:  # the seed stands beside every failure
    report: pytest.TestReport = yield  # type: ignore[assignment]
    if report.failed and "tests/faults" in item.path.as_posix():
        report.sections.append(("seed", _reported(item.config)))
    return report  # type: ignore[return-value]


@pytest.fixture
def rng(seed: int, request: pytest.FixtureRequest) -> random.Random:
    """Random moments that depend on the seed and the test's name alone, so that one test can be repeated on its own."""
    return random.Random(f"{seed}:{request.node.name}")


@pytest.fixture(scope="package")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[StackRun]:
    """Parcels move by themselves, unpaid orders end within seconds."""
    async with StackRun(tmp_path_factory.mktemp("stack")).standing() as run:
        yield run


@pytest.fixture(scope="package")
async def still(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[StackRun]:
    """Parcels move only on request, orders wait patiently."""
    run = StackRun(tmp_path_factory.mktemp("still"), env=UNHURRIED, options=("--manual-carrier",))
    async with run.standing():
        yield run
