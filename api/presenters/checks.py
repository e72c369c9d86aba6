"""Consistency checks as the API shows them."""

from collections.abc import Sequence

from api.schemas.audit import BooksCheck, BooksChecked, Difference
from api.services.checks.check_running import CheckResult


def presented(results: Sequence[CheckResult]) -> BooksChecked:
    """All checks; one without a result in time has `ok` and `wrong` None."""
    return BooksChecked(ok=all(result.right for result in results), checks=[_check(result) for result in results])


def _check(result: CheckResult) -> BooksCheck:
    return BooksCheck(
        code=result.question.code,
        name=result.question.name,
        ok=result.right if result.in_time else None,
        wrong=result.count if result.in_time else None,
        found=[Difference(where=one.place, should_be=one.expected, **{"is": one.found}) for one in result.examples],
    )
