"""Consistency checks of the database, run for programs."""

from api.dependencies import Services
from infra.db.checks import check_schedule
from infra.db.checks.consistency_checks import CheckResult

__all__ = ["CheckResult", "run_checks"]


async def run_checks(services: Services) -> list[CheckResult]:
    """Every check, within the configured time."""
    return await check_schedule.answers(services.database, services.settings.books_check_timeout_s)
