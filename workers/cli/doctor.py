"""`oms doctor`: what is reachable and right, and what is not. What only the examination needs is imported by it."""

import asyncio
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from domain.access import Role
from workers.cli.installation import FAILED, calling
from workers.tables import print_whole

if TYPE_CHECKING:
    from infra.settings import Settings


def run(*, as_json: bool = False) -> int:
    """Looks at everything that this process's settings name, prints what it found; 1 when something is wrong."""
    from infra.settings import settings
    from infra.system import doctor

    found = asyncio.run(doctor.examine(settings(), doctor.CHECKS, _describe))
    findings = [asdict(finding) for finding in found]
    return _report({"ok": all(finding.ok for finding in found), "findings": findings}, as_json)


def run_by_api(api: str, token: str | None, *, as_json: bool) -> int:
    """The same, as the API at this address sees it."""
    with calling(api, token, Role.OPERATIONS) as client:
        return _report(client.call("GET", "/v1/doctor"), as_json)


def _report(found: dict[str, Any], as_json: bool) -> int:
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        _print(found["findings"])
    return 0 if found["ok"] else FAILED


def _describe(configuration: "Settings", error: Exception) -> str:
    from infra.db.errors import DatabaseError, DriverError
    from infra.system import doctor
    from workers.cli import database_errors

    if isinstance(error, DatabaseError | DriverError):
        return database_errors.describe(error)
    return doctor.words_of(configuration, error)


def _print(findings: list[dict[str, Any]]) -> None:
    table = Table(show_header=False, box=None)
    for finding in findings:
        table.add_row("ok" if finding["ok"] else "[red]WRONG[/red]", finding["subject"], escape(finding["detail"]))
    print_whole(Console(), table)
