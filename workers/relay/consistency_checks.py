"""The checks of `oms ledger check`, one question at a time, beside running orders."""

import logging
from collections.abc import Awaitable, Callable

from domain.stock.cases import StockCaseKind
from infra.db.autocommit import autocommit
from infra.db.checks import check_schedule, consistency_checks
from infra.db.checks.check import Check
from infra.db.checks.consistency_checks import CheckResult
from infra.db.engine import Connection, Database
from infra.db.errors import StatementFailed
from infra.db.stock import cases
from infra.db.stock.cases import NewCase
from infra.settings import Settings

_log = logging.getLogger(__name__)


def checks(database: Database, settings: Settings) -> Callable[[], Awaitable[bool]]:
    """The step that puts one question that is due; True when there was one."""

    async def step() -> bool:
        async with autocommit(database) as connection:
            await check_schedule.register(connection)
            question = await check_schedule.claim(connection, settings.books_check_s)
        if question is None:
            return False
        await put(database, question, settings.books_check_timeout_s)
        return True

    return step


async def _open_cases(connection: Connection, answer: CheckResult) -> None:
    """Each place where stock differs is a case, once, however much it differs; a person finds the cause."""
    if answer.question.code.startswith("stock_"):
        for one in answer.examples:
            subject = f"{answer.question.code}: {one.place}"
            await cases.open_case(connection, NewCase(StockCaseKind.CHECK_FAILED, subject, "system"))


async def put(database: Database, question: Check, limit_s: float) -> None:
    """Ask, and keep the answer or that there was none."""
    try:
        async with database.begin() as connection:
            await check_schedule.limit_resources(connection, limit_s)
            answer = await consistency_checks.run_checks(connection, question)
            await check_schedule.answered(connection, question, answer.count)
            await _open_cases(connection, answer)
    except StatementFailed:
        _log.warning("a consistency check did not finish", exc_info=True, extra={"question": question.code})
        async with autocommit(database) as connection:
            await check_schedule.unanswered(connection, question)
        return
    if answer.count:
        _log.error("a consistency check found differences", extra={"question": question.code, "wrong": answer.count})
