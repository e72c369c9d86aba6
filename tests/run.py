"""`python -m tests.run`: everything that must hold before a change is done; arguments go to pytest.

`python -m tests.run --quick`: the same checks and a selection of quick tests, for the time in between.
Runs all checks even when one fails, then says which did; ends with 0 only if every one passed.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

# In the order in which tests/conftest.py collects them, and with the slowest named at the end.
SLOW_FIRST = ("--no-loadscope-reorder", "--durations=20")
# For `make check`: rules, recorded histories, the story of an order, and each layer that people and programs meet.
QUICK = (
    "tests/domain",
    "tests/workflows/test_replay.py",
    "tests/workflows/orders/test_order.py",
    "tests/api/test_access.py",
    "tests/api/test_bad_input.py",
    "tests/api/test_error_codes.py",
    "tests/api/test_idempotency.py",
    "tests/api/orders/test_orders.py",
    "tests/api/payments/test_refunds.py",
    "tests/api/after_sales/test_returns.py",
    "tests/db/test_grants.py",
    "tests/db/orders/test_lifecycle.py",
    "tests/db/test_migration_rules.py",
    "tests/db/payments/test_payments.py",
    "tests/db/stock/test_stock.py",
    "tests/console/test_pages.py",
    "tests/portal/test_pages.py",
    "tests/infra/notifications/test_message_templates.py",
    "tests/test_settings.py",
)
ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Check:
    name: str
    argv: Sequence[str]


@dataclass(frozen=True)
class Outcome:
    name: str
    code: int
    seconds: float


def _tool(name: str) -> str:
    return str(BIN / name)


STATIC = (
    Check("ruff check", (_tool("ruff"), "check", ".")),
    Check("ruff format", (_tool("ruff"), "format", "--check", ".")),
    Check("mypy", (_tool("mypy"),)),
    Check("import rule", (_tool("lint-imports"),)),
)
# For the whole suite: while mypy uses one core, the modules of tests are compiled once for all workers.
COLLECTION = Check("collection", (sys.executable, "-m", "pytest", "--collect-only", "-q", "tests"))


def heading(text: str) -> None:
    print(f"\n===== {text} =====", flush=True)


def quietly(check: Check, env: dict[str, str] | None = None) -> tuple[Outcome, str]:
    """Runs a check; returns its outcome and what it printed."""
    began = time.monotonic()
    done = subprocess.run(
        check.argv, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return Outcome(check.name, done.returncode, time.monotonic() - began), done.stdout


def openly(check: Check, env: dict[str, str] | None = None) -> Outcome:
    """Runs a check that prints as it goes."""
    heading(check.name)
    began = time.monotonic()
    code = subprocess.run(check.argv, cwd=ROOT, env=env, check=False).returncode
    return Outcome(check.name, code, time.monotonic() - began)


def static_checks(*more: Check) -> list[Outcome]:
    """In parallel, printed in order."""
    outcomes = []
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        checks = (*STATIC, *more)
        for check, (outcome, printed) in zip(checks, pool.map(quietly, checks), strict=True):
            heading(check.name)
            said = printed.strip().splitlines() or ["nothing to say"]
            print("\n".join(said if outcome.code else said[-1:]), flush=True)
            outcomes.append(outcome)
    return outcomes


def workers() -> int:
    return min(2 * (os.cpu_count() or 1), 4)


def tests(arguments: Sequence[str]) -> list[Outcome]:
    """pytest under coverage; the share that must be covered holds for the whole suite only, not for a part of it.

    The whole suite waits for servers half of the time, so workers share it, two for each core, up to four: a file to
    each, every worker with servers of its own (tests/conftest.py says who takes which). What is asked for by name runs
    in one process, where one can look.
    """
    coverage = _tool("coverage")
    shared = () if arguments else ("-n", str(workers()), "--dist", "loadfile", *SLOW_FIRST)
    with tempfile.TemporaryDirectory(prefix="oms-coverage-") as folder:
        env = {**os.environ, "COVERAGE_FILE": str(Path(folder) / ".coverage")}
        ran = openly(Check("pytest", (coverage, "run", "-m", "tests", *arguments, *shared)), env)
        combined, outcome = quietly(Check("coverage combine", (coverage, "combine", "--quiet")), env)
        share = () if not arguments else ("--fail-under=0",)
        reported, table = quietly(Check("coverage", (coverage, "report", *share)), env)
    heading("coverage")
    # the long table only where somebody has to look into it: pytest's closing line should stay in sight
    print(outcome + (table if reported.code else "\n".join(table.splitlines()[-3:])), flush=True)
    return [ran, combined, reported]


def quick_tests(arguments: Sequence[str]) -> list[Outcome]:
    """A selection, shared by workers, without coverage."""
    missing = [path for path in QUICK if not (ROOT / path).exists()]
    assert not missing, f"the selection of quick tests names what is not there: {missing}"
    argv = (sys.executable, "-m", "tests", "-q", "-n", str(workers()), "--dist", "loadfile", "--no-loadscope-reorder")
    return [openly(Check("quick tests", (*argv, *QUICK, *arguments)))]


def summary(outcomes: Sequence[Outcome]) -> int:
    heading("summary")
    for outcome in outcomes:
        verdict = "ok" if outcome.code == 0 else f"FAILED (exit {outcome.code})"
        print(f"{outcome.name:<18}{outcome.seconds:8.1f} s  {verdict}")
    failed = [outcome.name for outcome in outcomes if outcome.code != 0]
    print("everything passed" if not failed else "failed: " + ", ".join(failed), flush=True)
    return 1 if failed else 0


def main() -> int:
    arguments = sys.argv[1:]
    if arguments[:1] == ["--quick"]:
        return summary([*static_checks(), *quick_tests(arguments[1:])])
    return summary([*static_checks(*([] if arguments else [COLLECTION])), *tests(arguments)])


if __name__ == "__main__":
    sys.exit(main())
