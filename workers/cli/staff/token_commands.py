"""`oms token`: hand out, list and revoke bearer tokens."""

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from domain.access import Role
from domain.text import ID_RULE, is_identifier
from infra.security import tokens
from infra.settings import settings
from infra.stack.data_dir.layout import DEFAULT_DATA_DIR
from infra.stack.program import command
from workers.cli.api_client import ApiClient
from workers.cli.environment import use
from workers.cli.installation import calling, chosen, console, errors, fail, reporting_failures
from workers.cli.options import Api, AsJson, DataDir, Token
from workers.tables import print_whole

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Print a bearer token for the installation (--role), list tokens, revoke one.",
)
DEFAULT_SUBJECTS = {Role.CUSTOMER.value: "c-demo", Role.CHANNEL.value: "web"}
RoleOption = Annotated[
    str | None,
    typer.Option("--role", help="customer, channel, support, warehouse, finance, operations or admin."),
]


@app.callback(invoke_without_command=True)
def issue(
    context: typer.Context,
    *,
    role: RoleOption = None,
    customer: Annotated[str | None, typer.Option(help="The customer's id, for the role customer.")] = None,
    subject: Annotated[
        str | None, typer.Option(help="Who else the token is for: a channel, a member of staff.")
    ] = None,
    lifetime_s: Annotated[
        int | None, typer.Option(min=1, help="Seconds until it expires; OMS_TOKEN_LIFETIME_S unless named.")
    ] = None,
    as_json: AsJson = False,
    api: Api = None,
    token: Token = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Print a bearer token for the installation (--role), list tokens, revoke one."""
    if context.invoked_subcommand is not None:
        source = context.get_parameter_source("api")
        if source is not None and source.name == "COMMANDLINE":
            raise typer.BadParameter(f"goes behind {context.invoked_subcommand}", param_hint="--api")
        return
    named = _named(role, customer, subject)
    issued = _by_api(api, token, named, lifetime_s) if api else _by_database(data_dir, named, lifetime_s)
    print(json.dumps(issued, ensure_ascii=False) if as_json else issued["token"])


def _by_api(api: str, token: str | None, named: tuple[str, str], lifetime_s: int | None) -> dict[str, Any]:
    body = {"role": named[0], "subject": named[1], "lifetime_s": lifetime_s}
    with calling(api, token, Role.ADMIN) as client:
        return client.call("POST", "/v1/tokens", body=body)


def _by_database(data_dir: Path, named: tuple[str, str], lifetime_s: int | None) -> dict[str, Any]:
    use(data_dir, "token")
    from workers.cli.staff import token_issuing

    try:
        issued = token_issuing.issue(settings(), *named, lifetime_s)
    except token_issuing.Unreachable as error:
        fail(str(error))
    facts = {"token_id": issued.token_id, "role": issued.role, "subject": issued.subject}
    expires = datetime.fromtimestamp(issued.expires_at).astimezone().isoformat()
    return {"token": issued.token, **facts, "expires_at": expires}


def _named(role: str | None, customer: str | None, subject: str | None) -> tuple[str, str]:
    """Role and subject. Raises BadParameter."""
    if role is None:
        raise typer.BadParameter(f"is missing; see {command('token --help')}", param_hint="--role")
    if role not in set(Role):
        raise typer.BadParameter(f"{role!r} is none of {', '.join(Role)}", param_hint="--role")
    if customer is not None and role != Role.CUSTOMER:
        raise typer.BadParameter("goes with --role customer; use --subject for others", param_hint="--customer")
    named = customer or subject or DEFAULT_SUBJECTS.get(role, role)
    if not is_identifier(named):
        raise typer.BadParameter(ID_RULE, param_hint="--subject" if customer is None else "--customer")
    return role, named


@app.command("list")
def list_(
    role: RoleOption = None,
    subject: Annotated[str | None, typer.Option(help="Only tokens of this customer, channel or person.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Those that expired or were revoked, too.")] = False,
    as_json: AsJson = False,
    api: Api = None,
    token: Token = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Tokens that were handed out and count, the newest first; never the tokens themselves."""
    filters = {"role": role, "subject": subject, "active": None if everything else "true"}
    wanted = {name: value for name, value in filters.items() if value is not None}
    with reporting_failures():
        there = chosen(api, token, data_dir, Role.ADMIN)
        with ApiClient(there.api, there.token) as client:
            items = list(client.pages("/v1/tokens", wanted))
    if as_json:
        print(json.dumps(items, ensure_ascii=False))
    else:
        print_whole(console, _table(items))


@app.command()
def revoke(
    token_id: Annotated[str, typer.Argument(help="The id that oms token list shows, or the token itself.")],
    as_json: AsJson = False,
    api: Api = None,
    token: Token = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Refuse a token from now on."""
    named = tokens.id_of(token_id) if "." in token_id else token_id
    if named is None:
        fail("This token has no id: it ends with its lifetime, or for all with another OMS_TOKEN_SECRET.")
    with reporting_failures():
        there = chosen(api, token, data_dir, Role.ADMIN)
        with ApiClient(there.api, there.token) as client:
            row = client.call("POST", f"/v1/tokens/{named}/revoke")
    if as_json:
        print(json.dumps(row, ensure_ascii=False))
    else:
        errors.print(f"{row['token_id']} of {row['role']}:{row['subject']} is refused from now on.", markup=False)


def _table(items: list[dict[str, Any]]) -> Table:
    table = Table("Token id", "Role", "Subject", "Issued", "By", "Expires", "Revoked", box=None)
    for item in items:
        times = [str(item[name] or "")[:19].replace("T", " ") for name in ("issued_at", "expires_at", "revoked_at")]
        table.add_row(item["token_id"], item["role"], item["subject"], times[0], item["issued_by"], times[1], times[2])
    return table
