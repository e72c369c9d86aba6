"""`oms audit`, here or by an installation's API."""

from typing import Annotated, Any

import typer

from domain.access import Role
from infra.stack.data_dir.layout import DEFAULT_DATA_DIR
from workers.cli.api_client import CHECK_TIMEOUT_S
from workers.cli.environment import use
from workers.cli.installation import calling, fail
from workers.cli.options import Api, AsJson, DataDir, Token

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Who did what, and whether the record of it is whole.",
)


@app.command()
def verify(
    anchor: Annotated[
        list[str] | None, typer.Option("--anchor", help="A hash that was kept elsewhere and must be in the chain.")
    ] = None,
    as_json: AsJson = False,
    api: Api = None,
    token: Token = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Exit 0 when the audit log is whole; else say which entry was changed, removed, moved or cut off."""
    if not api:
        use(data_dir, "books")
    from workers.cli.audit import audit

    anchors_ = audit.hashes(anchor or ())
    if not api:
        raise typer.Exit(audit.verify(anchors_, as_json=as_json))
    if odd := audit.odd_hash(anchors_):
        fail(odd)
    with calling(api, token, Role.OPERATIONS) as client:
        found: Any = client.call("GET", "/v1/audit/verify", params={"anchor": anchors_}, timeout_s=CHECK_TIMEOUT_S)
    raise typer.Exit(audit.report(found, as_json=as_json))


@app.command("anchor")
def make_anchor(
    only_print: Annotated[bool, typer.Option("--print", help="Make none; print the newest.")] = False,
    as_json: AsJson = False,
    api: Api = None,
    token: Token = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Make an anchor over all entries now, and print its hash as a line to keep elsewhere."""
    if not api:
        use(data_dir, "books")
    from workers.cli.audit import audit

    if not api:
        raise typer.Exit(audit.anchor(only_print=only_print, as_json=as_json))

    with calling(api, token, Role.ADMIN) as client:
        complete = only_print
        while not complete:
            complete = client.call("POST", "/v1/audit/anchors")["complete"]
        newest = client.call("GET", "/v1/audit/anchors/newest")["anchor"]
    raise typer.Exit(audit.report_anchor(newest, as_json=as_json))


@app.command()
def access(as_json: AsJson = False, api: Api = None, token: Token = None, data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """The access review: staff, role, last sign-in, actions in the last 90 days."""
    if not api:
        use(data_dir, "books")
    from workers.cli.audit import audit

    if not api:
        raise typer.Exit(audit.access(as_json=as_json))
    with calling(api, token, Role.OPERATIONS) as client:
        rows = list(client.pages("/v1/audit/access", {}))
    raise typer.Exit(audit.report_access(rows, as_json=as_json))
