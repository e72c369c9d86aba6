"""The `oms` command. Each command imports what it runs when it runs, so that the command itself starts at once."""

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from workers.cli.environment import check, end, fail, use, use_temporal
from workers.cli.options import Api, AsJson, Token

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="A durable order management system: every order is a Temporal workflow, every fact is in PostgreSQL.",
)
worker = typer.Typer(invoke_without_command=True, help="Run the Temporal worker, or say which version orders go to.")
app.add_typer(worker, name="worker")
temporal = typer.Typer(no_args_is_help=True, help="What Temporal needs before orders can run.")
app.add_typer(temporal, name="temporal")

DataDir = Annotated[Path, typer.Option("--data-dir", help="The stack's data directory.")]
Port = Annotated[
    int | None,
    typer.Option(
        "--port", min=0, max=65535, help="The API's port; 0 picks free ones. [default: last time's, else 8000]"
    ),
]
DEFAULT_DATA_DIR = Path(".oms")
# Modules stay: looking through them for garbage while they are imported takes a fifth of the time of a start.
WHILE_STARTING = 100_000
USUAL = gc.get_threshold()
# What a local stack creates automatically.
GIVEN = ("OMS_DATABASE_URL", "OMS_TEMPORAL_ADDRESS", "OMS_SANDBOX_URL", "OMS_SANDBOX_WEBHOOK_SECRET")


@app.command()
def up(
    *,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    port: Port = None,
    ready_file: Annotated[
        Path | None, typer.Option(help="Write addresses, tokens and process ids here (JSON).")
    ] = None,
    headless: Annotated[bool, typer.Option("--headless", help="Leave Temporal's web interface out.")] = False,
    manual_carrier: Annotated[bool, typer.Option("--manual-carrier", help="Parcels move only on request.")] = False,
    allow_private_webhooks: Annotated[
        bool,
        typer.Option("--allow-private-webhooks", help="Let webhook endpoints lie on this machine and in its networks."),
    ] = False,
) -> None:
    """Run PostgreSQL, Temporal, sandbox, API, worker and relay on this machine until Ctrl-C."""
    from infra.stack.stack import Options
    from workers.cli import up as command

    check("up", given=GIVEN)
    options = Options(data_dir, port, ready_file, headless, manual_carrier, private_webhooks=allow_private_webhooks)
    _run(lambda: command.run(options))


@app.command()
def demo(
    *,
    once: Annotated[bool, typer.Option("--once", help="Stop when all orders have ended.")] = False,
    orders: Annotated[int, typer.Option(min=1, max=155_848, help="How many baskets to place.")] = 200,
    as_json: Annotated[bool, typer.Option("--json", help="Print the closing table as JSON.")] = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    port: Port = None,
    seed: Annotated[int, typer.Option(help="Decides which orders meet which misfortune.")] = 1,
    baskets: Annotated[
        Path | None,
        typer.Option(help="A folder that workers.demo.baskets.extract wrote. [default: the 5,000 included]"),
    ] = None,
) -> None:
    """Start everything, walk shopping baskets to their ends, print what became of each."""
    from infra.stack.stack import Options
    from workers.demo import run as command

    check("up", given=GIVEN)
    _run(lambda: command.demo(Options(data_dir, port), baskets, orders, seed, once=once, as_json=as_json))


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    help="Print a bearer token (--role ROLE), list tokens, revoke one.",
)
def token(context: typer.Context) -> None:
    from workers.cli.staff.token_commands import app as commands

    commands(args=context.args, prog_name="oms token")


@app.command()
def api() -> None:
    """Run the HTTP front door, set by the environment."""
    check("api")
    from api import server

    _run(server.run)


@worker.callback()
def worker_run(context: typer.Context) -> None:
    """Run the Temporal worker, set by the environment; or `oms worker promote`."""
    if context.invoked_subcommand is not None:
        return
    check("worker")
    from workers import worker as command

    _run(command.run)


@worker.command("promote")
def worker_promote(
    *,
    build_id: Annotated[
        str | None, typer.Option(help="The version to promote. [default: OMS_BUILD_ID, else this code's]")
    ] = None,
    timeout_s: Annotated[float, typer.Option(min=0, help="How long to wait for its workers and the queue.")] = 60.0,
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Make a version the one that orders go to, once a worker of it polls; return when the task queue follows."""
    use_temporal(data_dir)
    from infra.settings import settings
    from workers.cli.temporal import worker_promote

    _run(lambda: worker_promote.run(settings(), build_id, timeout_s, as_json=as_json))


@temporal.command("prepare")
def temporal_prepare(
    *,
    retention_days: Annotated[
        int | None,
        typer.Option(min=1, help="Keep closed orders exactly so long. [default: at least OMS_TEMPORAL_RETENTION_DAYS]"),
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Create the namespace where it is not there, see to retention and search attributes; safe to repeat."""
    use_temporal(data_dir)
    from infra.settings import settings
    from workers.cli.temporal import temporal_prepare

    _run(lambda: temporal_prepare.run(settings(), retention_days, as_json=as_json))


@app.command()
def relay() -> None:
    """Run the relay of the outbox, set by the environment."""
    check("relay")
    from workers.relay import main as command

    _run(command.run)


@app.command()
def sandbox() -> None:
    """Run the sandbox of payment gateway, carrier and message providers, set by the environment."""
    from workers import checked_settings

    checked_settings.warn_of_unknown()
    from infra.sandbox import server

    _run(server.run)


@app.command()
def migrate() -> None:
    """Bring the database at OMS_OWNER_DATABASE_URL to the newest version."""
    check("migrate")
    from infra.db import migrate as command
    from infra.db.roles import WrongRoles
    from infra.settings import settings
    from workers.cli import database_errors

    try:
        command.upgrade(settings().owner_database_url)
    except (WrongRoles, command.Blocked) as error:
        fail(str(error))
    except command.CUT_OFF as error:
        description = database_errors.describe(error, "OMS_OWNER_DATABASE_URL")
        if command.had_begun(error):
            fail(f"The migration stopped half-way: {description}; the revisions before are kept, run it again")
        fail(f"Nothing was migrated: {description}")


@app.command()
def doctor(
    *, as_json: AsJson = False, api: Api = None, token: Token = None, data_dir: DataDir = DEFAULT_DATA_DIR
) -> None:
    """Print what is reachable and right; exit 1 when something is wrong."""
    from workers.cli import doctor as command

    if api:
        _run(lambda: command.run_by_api(api, token, as_json=as_json))
    use(data_dir, "doctor")
    _run(lambda: command.run(as_json=as_json))


@app.command()
def recover(
    *, as_json: AsJson = False, api: Api = None, token: Token = None, data_dir: DataDir = DEFAULT_DATA_DIR
) -> None:
    """Start again, from the database, every open order that Temporal does not know."""
    from workers.cli import recover as command

    if api:
        _run(lambda: command.run_by_api(api, token, as_json=as_json))
    use(data_dir, "books")
    _run(lambda: command.run(as_json=as_json))


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    help="Consistency checks of the database: check.",
)
def ledger(context: typer.Context) -> None:
    from workers.cli.ledger.ledger_commands import app as commands

    commands(args=context.args, prog_name="oms ledger")


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    help="Is the record of who did what whole: verify, anchor; who can act: access.",
)
def audit(context: typer.Context) -> None:
    from workers.cli.audit.audit_commands import app as commands

    commands(args=context.args, prog_name="oms audit")


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    help="Who may sign in to the console: list, add, reset, remove.",
)
def staff(context: typer.Context) -> None:
    from workers.cli.staff.staff_commands import app as commands

    commands(args=context.args, prog_name="oms staff")


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    help="The support queue: list, retry, skip, amend, give up a part, compensate.",
)
def stuck(context: typer.Context) -> None:
    from workers.cli.support.support_commands import app as commands

    commands(args=context.args, prog_name="oms stuck")


def _run(entry: Callable[[], int | None]) -> NoReturn:
    """Ends with what the entry point returns; None is 0. What was imported is no longer looked through for garbage."""
    gc.freeze()
    gc.set_threshold(*USUAL)
    end(entry())


def main() -> None:
    """The console script."""
    gc.set_threshold(WHILE_STARTING)
    app(prog_name="oms")
