"""`oms ledger`, here or by an installation's API."""

import typer

from domain.access import Role
from infra.stack.data_dir.layout import DEFAULT_DATA_DIR
from workers.cli.api_client import CHECK_TIMEOUT_S
from workers.cli.environment import use
from workers.cli.installation import calling, console
from workers.cli.options import Api, AsJson, DataDir, Token

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Consistency checks of the database.",
)


@app.callback()
def _checks() -> None:
    """Checks of the database."""


@app.command()
def check(as_json: AsJson = False, api: Api = None, token: Token = None, data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """Exit 0 when stock and money balance; else say where they do not."""
    if not api:
        use(data_dir, "books")
    from workers.cli.ledger import ledger_check

    if not api:
        raise typer.Exit(ledger_check.check(as_json=as_json))
    with calling(api, token, Role.OPERATIONS) as client:
        answer = client.call("GET", "/v1/ledger/check", timeout_s=CHECK_TIMEOUT_S)
    raise typer.Exit(
        ledger_check.report(
            [ledger_check.result_of(document) for document in answer["checks"]], console, as_json=as_json
        )
    )
