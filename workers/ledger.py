"""`oms ledger check`: do stock, money and stories add up?"""

import asyncio
import json
from typing import Any

from rich.console import Console
from rich.table import Table
from sqlalchemy.exc import SQLAlchemyError

from infra.db import audit_books
from infra.db.audit_books import QUESTIONS, Answer
from infra.db.engine import Database, PoolExhausted
from infra.settings import Settings, settings
from workers import books_trouble
from workers.tables import print_whole

OK, WRONG = 0, 1


def check(configuration: Settings | None = None, console: Console | None = None, *, as_json: bool = False) -> int:
    """Put every question to the books and print the answers; 0 when all is right, else 1."""
    shown = console or Console(soft_wrap=True)
    try:
        answers = asyncio.run(answers_of(configuration or settings()))
    except (SQLAlchemyError, PoolExhausted, OSError) as error:
        beside = Console(stderr=True, soft_wrap=True) if as_json else shown
        beside.print(f"The books cannot be read: {books_trouble.words(error)}", style="red", markup=False)
        return WRONG
    wrong = [answer for answer in answers if answer.count]
    if as_json:
        print(json.dumps({"ok": not wrong, "questions": [_document(answer) for answer in answers]}, ensure_ascii=False))
        return WRONG if wrong else OK
    print_whole(shown, _summary(answers))
    for answer in wrong:
        print_whole(shown, _examples(answer))
    return WRONG if wrong else OK


async def answers_of(configuration: Settings) -> list[Answer]:
    """One answer to each question, in their order. Safe beside running orders: each question sees one moment."""
    database = Database.from_settings(configuration)
    try:
        async with database.begin() as connection:
            await audit_books.patience(connection)
            return [await audit_books.ask(connection, question) for question in QUESTIONS]
    finally:
        await database.close()


def _document(answer: Answer) -> dict[str, Any]:
    examples = [{"where": one.place, "should_be": one.expected, "is": one.found} for one in answer.examples]
    return {
        "code": answer.question.code,
        "question": answer.question.name,
        "wrong": answer.count,
        "examples": examples,
    }


def _summary(answers: list[Answer]) -> Table:
    table = Table(title="The books", title_justify="left")
    table.add_column("holds")
    table.add_column("question")
    table.add_column("wrong", justify="right")
    for answer in answers:
        holds = "[red]no[/red]" if answer.count else "[green]yes[/green]"
        table.add_row(holds, answer.question.name, str(answer.count))
    return table


def _examples(answer: Answer) -> Table:
    title = f"Wrong: {answer.question.name} ({answer.count})"
    table = Table(title=title, title_justify="left", title_style="red")
    for column in ("where", "should be", "is"):
        table.add_column(column, overflow="fold")
    for wrong in answer.examples:
        table.add_row(wrong.place, wrong.expected, wrong.found)
    if answer.count > len(answer.examples):
        table.caption = f"the first {len(answer.examples)} of {answer.count}"
    return table
