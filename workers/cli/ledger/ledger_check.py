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
    shown = console or Console(soft_wrap=True)
    try:
        answers = asyncio.run(consistency_checks.run_all(configuration or settings()))
    except UNREACHABLE as error:
        beside = Console(stderr=True, soft_wrap=True) if as_json else shown
        beside.print(f"The books cannot be read: {database_errors.words(error)}", style="red", markup=False)
        return WRONG
    return told(answers, shown, as_json=as_json)


def told(answers: list[CheckResult], shown: Console, *, as_json: bool = False) -> int:
    """Print the answers; 0 when all is right, else 1."""
    right = all(answer.right for answer in answers)
    if as_json:
        print(json.dumps({"ok": right, "questions": [_document(answer) for answer in answers]}, ensure_ascii=False))
        return OK if right else WRONG
    print_whole(shown, _summary(answers))
    for answer in answers:
        if answer.count:
            print_whole(shown, _examples(answer))
    if not all(answer.in_time for answer in answers):
        shown.print(LATE, style="red", markup=False)
    return OK if right else WRONG


def answer_in(document: dict[str, Any]) -> CheckResult:
    """An answer as the API gives it."""
    examples = [Violation(one["where"], one["should_be"], one["is"]) for one in document["found"]]
    question = Check(document["code"], document["name"], "")
    return CheckResult(question, document["wrong"] or 0, examples, in_time=document["ok"] is not None)


def _document(answer: CheckResult) -> dict[str, Any]:
    examples = [{"where": one.place, "should_be": one.expected, "is": one.found} for one in answer.examples]
    return {
        "code": answer.question.code,
        "question": answer.question.name,
        "wrong": answer.count if answer.in_time else None,
        "examples": examples,
    }


def _summary(answers: list[CheckResult]) -> Table:
    table = Table(title="The books", title_justify="left")
    table.add_column("holds")
    table.add_column("question")
    table.add_column("wrong", justify="right")
    for answer in answers:
        holds = "[red]no[/red]" if answer.count else "[green]yes[/green]"
        if answer.in_time:
            table.add_row(holds, answer.question.name, str(answer.count))
        else:
            table.add_row("[red]?[/red]", answer.question.name, "no answer in time")
    return table


def _examples(answer: CheckResult) -> Table:
    title = f"Wrong: {answer.question.name} ({answer.count})"
    table = Table(title=title, title_justify="left", title_style="red")
    for column in ("where", "should be", "is"):
        table.add_column(column, overflow="fold")
    for wrong in answer.examples:
        table.add_row(wrong.place, wrong.expected, wrong.found)
    if answer.count > len(answer.examples):
        table.caption = f"the first {len(answer.examples)} of {answer.count}"
    return table
