"""The command line of `oms staff`: an installation through its API, or a local database."""

from collections.abc import Callable
from typing import Annotated, Any

import typer

from domain.access import Role
from infra.stack.data_dir.layout import DEFAULT_DATA_DIR
from workers.cli.api_client import ApiClient
from workers.cli.environment import end, use
from workers.cli.installation import calling, fail
from workers.cli.options import Api, AsJson, DataDir, Token
from workers.cli.staff import staff

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Who may sign in to the console: list, add, reset, remove.",
)
Name = Annotated[str, typer.Argument(help="The name to sign in with.")]
EvenLastAdmin = Annotated[bool, typer.Option("--even-last-admin", help="Also the only admin who can sign in.")]


@app.command()
def add(
    name: Name,
    role: Annotated[str, typer.Option(help="support, warehouse, finance, operations or admin.")],
    as_json: AsJson = False,
    api: Api = None,
    token: Token = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Let somebody in: prints a first password and a second factor, once."""
    if not api:
        use(data_dir, "staff")
        end(staff.add(name, role, as_json=as_json))
    if problem := staff.wrong(name, role):
        fail(problem)
    body = {"name": name, "role": role}
    answer = _by_api(api, token, lambda client: client.call("POST", "/v1/staff", body=body))
    staff.show_secrets(answer, as_json=as_json)


@app.command()
def reset(
    name: Name,
    even_last_admin: EvenLastAdmin = False,
    as_json: AsJson = False,
    api: Api = None,
    token: Token = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Another password and second factor; every session of this person ends."""
    if not api:
        use(data_dir, "staff")
        end(staff.reset(name, even_last_admin=even_last_admin, as_json=as_json))
    answer = _by_api(api, token, lambda client: _change(client, name, "reset", even_last_admin))
    staff.show_secrets(answer, as_json=as_json)


@app.command()
def remove(
    name: Name,
    even_last_admin: EvenLastAdmin = False,
    as_json: AsJson = False,
    api: Api = None,
    token: Token = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Let somebody in no more; every session of this person ends."""
    if not api:
        use(data_dir, "staff")
        end(staff.remove(name, even_last_admin=even_last_admin, as_json=as_json))
    answer = _by_api(api, token, lambda client: _change(client, name, "remove", even_last_admin))
    staff.show_removed(answer, as_json=as_json)


@app.command("list")
def list_(as_json: AsJson = False, api: Api = None, token: Token = None, data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """Who may sign in, in which role, and who did last."""
    if not api:
        use(data_dir, "staff")
        end(staff.list_members(as_json=as_json))
    rows = _by_api(api, token, lambda client: list(client.pages("/v1/staff", {})))
    staff.show_members(rows, as_json=as_json)


def _by_api(api: str, token: str | None, query: Callable[[ApiClient], Any]) -> Any:
    with calling(api, token, Role.ADMIN) as client:
        return query(client)


def _change(client: ApiClient, name: str, action: str, even_last_admin: bool) -> dict[str, Any]:
    if problem := staff.wrong(name, Role.ADMIN):
        fail(problem)
    return client.call("POST", f"/v1/staff/{name}/{action}", body={"even_last_admin": even_last_admin})
