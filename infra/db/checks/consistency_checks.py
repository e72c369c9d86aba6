"""All checks of the database, each a query that finds nothing when all is right."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.db.checks.after_sales_checks import AFTER_SALES
from infra.db.checks.check import Check
from infra.db.checks.ledger_checks import LEDGER
from infra.db.checks.order_checks import ORDERS
from infra.db.engine import Database
from infra.settings import Settings

EXAMPLES = 20


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that is wrong: where, what it should be, what it is."""

    place: str
    expected: str
    found: str


@dataclass(frozen=True, slots=True)
class CheckResult:
    """How much is wrong, and the first few examples. Not `in_time`: nothing is known."""

    question: Check
    count: int
    examples: list[Violation]
    in_time: bool = True

    @property
    def right(self) -> bool:
        """Answered, and nothing is wrong."""
        return self.in_time and not self.count


CHECKS = (*LEDGER, *AFTER_SALES, *ORDERS)


async def run_all(settings: Settings) -> list[CheckResult]:
    """The result of every check, in their order. Orders may run meanwhile: each check reads one moment."""
    database = Database.from_settings(settings)
    try:
        async with database.begin() as connection:
            await patience(connection)
            return [await run_checks(connection, check) for check in CHECKS]
    finally:
        await database.close()


async def run_checks(connection: AsyncConnection, question: Check) -> CheckResult:
    """Run one check; the database is only read."""
    # The questions are constants of this package; only the number of examples varies.
    counted = f"SELECT q.*, count(*) OVER () AS total FROM ({question.sql}) q ORDER BY place LIMIT {EXAMPLES}"  # noqa: S608
    rows = (await connection.exec_driver_sql(counted)).all()
    return CheckResult(
        question, rows[0].total if rows else 0, [Violation(row.place, row.expected, row.found) for row in rows]
    )


async def patience(connection: AsyncConnection) -> None:
    """Let the questions of this transaction take as long as they need."""
    await connection.execute(text("SET LOCAL statement_timeout = 0"))
