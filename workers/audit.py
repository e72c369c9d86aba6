"""`oms audit verify`: is the record of who did what whole?"""

import asyncio

from rich.console import Console
from sqlalchemy.exc import SQLAlchemyError

from infra.db import audit
from infra.db.audit import Fault
from infra.db.engine import Database
from infra.settings import Settings, settings

OK, WRONG = 0, 1
SHOWN = 50


def verify(configuration: Settings | None = None, console: Console | None = None) -> int:
    """Walk every chain and say what is wrong; 0 when the log is whole, else 1."""
    shown = console or Console(soft_wrap=True)
    try:
        found = asyncio.run(faults_of(configuration or settings()))
    except (SQLAlchemyError, OSError) as error:
        shown.print(f"The books cannot be read: {type(error).__name__}", style="red", markup=False)
        return WRONG
    for fault in found[:SHOWN]:
        where = f"entry {fault.entry_id}" if fault.entry_id is not None else "no entry"
        words = f"{fault.kind} {fault.key}, number {fault.number} ({where}): {fault.what}"
        shown.print(words, style="red", markup=False, highlight=False)
    if not found:
        shown.print("The audit log is whole.")
        return OK
    shown.print(f"The audit log is not whole: {len(found)} faults.", style="red")
    return WRONG


async def faults_of(configuration: Settings) -> list[Fault]:
    """Everything that is wrong with the log."""
    database = Database.from_settings(configuration)
    try:
        async with database.begin() as connection:
            return [fault async for fault in audit.faults(connection)]
    finally:
        await database.close()
