"""`oms ledger check`: do stock, money and stories add up?"""

import asyncio
import json
from typing import Any

from rich.console import Console
from rich.table import Table

from infra.db.checks import consistency_checks
from infra.db.checks.check import Check
from infra.db.checks.consistency_checks import CheckResult, Violation
from infra.db.errors import UNREACHABLE
from infra.settings import Settings, settings
from workers.cli import database_errors
from workers.tables import print_whole

OK, WRONG = 0, 1
LATE = (
    "Not every question was answered in time: raise OMS_BOOKS_CHECK_TIMEOUT_S there, or ask without --api where the "
    "installation's settings are, which takes as long as it needs."
)


def check(configuration: Settings | None = None, console: Console | None = None, *, as_json: bool = False) -> int:
    """Run every check and print the results; 0 if all pass, otherwise 1."""
    terminal = console or Console(soft_wrap=True)
    try:
        results = asyncio.run(consistency_checks.run_all(configuration or settings()))
    except UNREACHABLE as error:
        beside = Console(stderr=True, soft_wrap=True) if as_json else terminal
        beside.print(f"The database cannot be read: {database_errors.describe(error)}", style="red", markup=False)
        return WRONG
    return report(results, terminal, as_json=as_json)


def report(results: list[CheckResult], console: Console, *, as_json: bool = False) -> int:
    """Print the results; 0 when all is right, else 1."""
    right = all(result.right for result in results)
    if as_json:
        print(json.dumps({"ok": right, "questions": [_document(result) for result in results]}, ensure_ascii=False))
        return OK if right else WRONG
    print_whole(console, _summary(results))
    for result in results:
        if result.count:
            print_whole(console, _examples(result))
    if not all(result.in_time for result in results):
        console.print(LATE, style="red", markup=False)
    return OK if right else WRONG


def result_of(document: dict[str, Any]) -> CheckResult:
    """A result as the API gives it."""
    examples = [Violation(item["where"], item["should_be"], item["is"]) for item in document["found"]]
    question = Check(document["code"], document["name"], "")
    return CheckResult(question, document["wrong"] or 0, examples, in_time=document["ok"] is not None)


def _document(result: CheckResult) -> dict[str, Any]:
    examples = [
        {"where": violation.place, "should_be": violation.expected, "is": violation.found}
        for violation in result.examples
    ]
    return {
        "code": result.question.code,
        "question": result.question.name,
        "wrong": result.count if result.in_time else None,
        "examples": examples,
    }


def _summary(results: list[CheckResult]) -> Table:
    table = Table(title="Consistency checks", title_justify="left")
    table.add_column("holds")
    table.add_column("question")
    table.add_column("wrong", justify="right")
    for result in results:
        holds = "[red]no[/red]" if result.count else "[green]yes[/green]"
        if result.in_time:
            table.add_row(holds, result.question.name, str(result.count))
        else:
            table.add_row("[red]?[/red]", result.question.name, "no answer in time")
    return table


def _examples(result: CheckResult) -> Table:
    title = f"Wrong: {result.question.name} ({result.count})"
    table = Table(title=title, title_justify="left", title_style="red")
    for column in ("where", "should be", "is"):
        table.add_column(column, overflow="fold")
    for wrong in result.examples:
        table.add_row(wrong.place, wrong.expected, wrong.found)
    if result.count > len(result.examples):
        table.caption = f"the first {len(result.examples)} of {result.count}"
    return table
