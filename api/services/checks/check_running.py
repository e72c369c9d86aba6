"""Consistency checks of the database, run for programs."""

from api.dependencies import Services
from infra.db.checks import check_schedule
from infra.db.checks.consistency_checks import CheckResult


async def run_checks(services: Services) -> dict[str, object]:
    """{ok, checks} within the configured time; a check without a result by then has `ok` and `wrong` None."""
    answers = await check_schedule.answers(services.database, services.settings.books_check_timeout_s)
    return {"ok": all(answer.right for answer in answers), "checks": [_view(answer) for answer in answers]}


def _view(answer: CheckResult) -> dict[str, object]:
    return {
        "code": answer.question.code,
        "name": answer.question.name,
        "ok": answer.right if answer.in_time else None,
        "wrong": answer.count if answer.in_time else None,
        "found": [{"where": one.place, "should_be": one.expected, "is": one.found} for one in answer.examples],
    }
