"""`oms stuck`: the support queue from a terminal, through an installation's API."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from domain.access import Role
from domain.support.steps import Action, Step
from domain.text import counted
from infra.stack.data_dir.layout import DEFAULT_DATA_DIR
from workers.cli.installation import FAILED, chosen, console, errors, fail, reporting_failures
from workers.cli.options import Api, AsJson, DataDir, Token
from workers.cli.support.support_client import SupportApi
from workers.tables import print_whole

POLL_S = 0.3
MAX_ROWS = 20
app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Orders stuck at a step: see them, and retry, skip, amend, give up a part or compensate, alone or by filter.",
)

StepOption = Annotated[Step | None, typer.Option("--step", help="Only orders stuck at this step.")]
ErrorOption = Annotated[str | None, typer.Option("--error", help="Only orders stuck with this error code.")]
ProviderOption = Annotated[str | None, typer.Option("--provider", help="Only orders stuck at this provider.")]


@dataclass(frozen=True, slots=True)
class ResolveRequest:
    """What to do, with what, why; `rate_per_s` counts for bulk jobs."""

    action: Action
    reason: str
    value: Any
    rate_per_s: float
    dry_run: bool
    key: str | None
    as_json: bool = False
    expected: int | None = None
    park_no: int | None = None

    def body(self) -> dict[str, Any]:
        named = {"value": self.value, "park_no": self.park_no}
        given = {name: field for name, field in named.items() if field is not None}
        return {"action": self.action.value, "reason": self.reason, **given}


@app.command("list")
def list_(
    step: StepOption = None,
    error: ErrorOption = None,
    provider: ProviderOption = None,
    as_json: AsJson = False,
    api: Api = None,
    token: Token = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Show orders that are parked, the longest parked first."""
    with _support(api, token, data_dir) as support:
        items = list(support.stuck(_filter(step, error, provider)))
    if as_json:
        print(json.dumps(items, ensure_ascii=False))
    elif items:
        print_whole(console, _table(items))
    else:
        console.print("Nothing is stuck.")


def _command(action: Action) -> Callable[..., None]:
    """The command for one action; all of them take the same options."""

    def command(
        reason: Annotated[str, typer.Option("--reason", help="Why; it is stored with the action.")],
        order_no: Annotated[str | None, typer.Argument(help="One order; or leave it out and give --all.")] = None,
        everything: Annotated[bool, typer.Option("--all", help="Every order that the filters find.")] = False,
        step: StepOption = None,
        error: ErrorOption = None,
        provider: ProviderOption = None,
        value: Annotated[str | None, typer.Option("--value", help="A JSON object; its fields depend on step.")] = None,
        rate: Annotated[float, typer.Option("--rate", min=0.01, max=1000, help="Orders a second, with --all.")] = 5.0,
        expected: Annotated[
            int | None, typer.Option("--expected", min=0, help="With --all: so many, or nothing is done.")
        ] = None,
        park_no: Annotated[
            int | None, typer.Option("--park-no", min=1, help="Only if the order is still stuck there; see list.")
        ] = None,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done; do nothing.")] = False,
        key: Annotated[str | None, typer.Option("--key", help="Idempotency key: the same twice acts once.")] = None,
        as_json: AsJson = False,
        api: Api = None,
        token: Token = None,
        data_dir: DataDir = DEFAULT_DATA_DIR,
    ) -> None:
        wanted = _filter(step, error, provider)
        if (order_no is None) != everything:
            raise typer.BadParameter("give either one order number or --all")
        if order_no is not None and wanted:
            raise typer.BadParameter("--step, --error and --provider go with --all")
        if order_no is not None and expected is not None:
            raise typer.BadParameter("goes with --all", param_hint="--expected")
        if order_no is None and park_no is not None:
            raise typer.BadParameter("goes with one order", param_hint="--park-no")
        request = ResolveRequest(action, reason, _parsed(value), rate, dry_run, key, as_json, expected, park_no)
        with _support(api, token, data_dir) as support:
            if order_no is not None:
                _resolve_one(support, order_no, request)
            else:
                _resolve_many(support, wanted, request)

    return command


_HELP = {
    Action.RETRY: "Try the step again.",
    Action.SKIP: "Go on as if the step had succeeded: a person did it manually, and --value says how.",
    Action.AMEND: "Change what the step works with (--value), then try it again.",
    Action.GIVE_UP: "Give up the part that its supplier refused: its money goes back, the order continues.",
    Action.COMPENSATE: "Give the order up and undo what was done.",
}
for _action, _words in _HELP.items():
    app.command(_action.value, help=_words)(_command(_action))


def _resolve_one(api: SupportApi, order_no: str, request: ResolveRequest) -> None:
    if request.dry_run:
        found = [item for item in api.stuck({}) if item["order_no"] == order_no]
        if not found:
            fail(f"{order_no} is not stuck")
        if request.park_no not in (None, found[0]["park_no"]):
            fail(f"step_moved_on: {order_no} is stuck at step {found[0]['park_no']} now")
        _show_dry_run(request, found, [item for item in found if request.action in item["options"]])
        return
    answer = api.resolve(order_no, _with_park_no(api, order_no, request).body(), request.key)
    if request.as_json:
        print(json.dumps(answer, ensure_ascii=False))
    elif "approval_id" in answer:
        _report_approval(answer["approval_id"], 1)
    else:
        done = f"{answer['order_no']}: {request.action} {answer['outcome']}, now {answer['status']}"
        console.print(done, markup=False, highlight=False)


def _with_park_no(api: SupportApi, order_no: str, request: ResolveRequest) -> ResolveRequest:
    """The action names the step at which the order is parked now, and no later one. With a key of the caller's it is
    sent as it was typed: the same command is the same action, wherever the order stands by then."""
    if request.park_no is not None or request.key is not None:
        return request
    park_no = api.parked(order_no)
    if park_no is None:
        fail(f"not_parked: {order_no} is not stuck at any step")
    return replace(request, park_no=park_no)


def _resolve_many(api: SupportApi, wanted: dict[str, str], request: ResolveRequest) -> None:
    if request.dry_run:
        found = [item for item in api.stuck(wanted) if request.action in item["options"]]
        _show_dry_run(request, found[:MAX_ROWS], found)
        return
    named = {"filter": wanted, "all": not wanted, "expected": request.expected}
    begun = api.resolve_many({**request.body(), **named, "rate_per_s": request.rate_per_s}, request.key)
    job_id = begun["job_id"]
    if "approval_id" in begun and not request.as_json:
        _report_approval(begun["approval_id"], begun["waiting"])
    job = _followed(api, job_id)
    if request.as_json:
        print(json.dumps({**begun, **job}, ensure_ascii=False))
    else:
        counts = f"{job['done']} accepted, {job['failed']} refused, {job['total']} in all"
        console.print(f"{job_id} {job['state']}: {counts}", markup=False, highlight=False)
    if job["failed"] or job["state"] != "finished":
        raise typer.Exit(FAILED)


def _report_approval(approval_id: str, orders: int) -> None:
    """What one person may not do alone; another decides in the console or over HTTP."""
    waiting = f"waiting for approval: {counted(orders, 'order')}"
    console.print(f"{waiting}, {approval_id} in the console's approvals", markup=False)


def _followed(api: SupportApi, job_id: str) -> dict[str, Any]:
    """Show the job's progress until it ends. Ctrl-C leaves it running."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, transient=True) as progress:
        job = api.job(job_id)
        bar = progress.add_task("orders", total=job["total"])
        while job["state"] == "running":
            progress.update(bar, completed=job["done"] + job["failed"])
            time.sleep(POLL_S)
            job = api.job(job_id)
    return job


def _show_dry_run(request: ResolveRequest, rows: list[dict[str, Any]], found: list[dict[str, Any]]) -> None:
    if request.as_json:
        print(json.dumps({"would": request.action.value, "orders": found}, ensure_ascii=False))
        return
    if rows:
        print_whole(console, _table(rows))
    noun = "order" if len(found) == 1 else "orders"
    console.print(f"Would {request.action} {len(found)} {noun}; nothing was done.")


def _table(items: list[dict[str, Any]]) -> Table:
    table = Table(title=f"Stuck: {len(items)}", title_justify="left")
    for column in ("order", "no", "step", "error", "provider", "since", "attempts", "possible"):
        table.add_column(column)
    for item in items:
        since, options = str(item["since"])[:19].replace("T", " "), ", ".join(item["options"])
        provider, attempts = item["provider"] or "", str(item["attempts"])
        table.add_row(
            item["order_no"], str(item["park_no"]), item["step"], item["error"], provider, since, attempts, options
        )
    return table


def _filter(step: Step | None, error: str | None, provider: str | None) -> dict[str, str]:
    wanted = {"step": step.value if step else None, "error": error, "provider": provider}
    return {name: value for name, value in wanted.items() if value is not None}


def _parsed(value: str | None) -> Any:
    if value is None:
        return None
    try:
        parsed = json.loads(value)
    except ValueError:
        raise typer.BadParameter("is not JSON", param_hint="--value") from None
    if not isinstance(parsed, dict):
        raise typer.BadParameter("is not a JSON object", param_hint="--value")
    return parsed


@contextmanager
def _support(api: str | None, token: str | None, data_dir: Path) -> Iterator[SupportApi]:
    """The API of the installation that the options name; what goes wrong becomes a message and exit code 1."""
    with reporting_failures():
        there = chosen(api, token, data_dir, Role.SUPPORT)
        with SupportApi(there.api, there.token) as support:
            yield support
