"""Options that several commands take. Nothing heavy is imported here: `oms` reads this module at every start."""

from pathlib import Path
from typing import Annotated

import typer

Api = Annotated[
    str | None,
    typer.Option("--api", envvar="OMS_API_URL", help="The API of any installation, such as https://oms.example.com."),
]
Token = Annotated[
    str | None,
    typer.Option("--token", envvar="OMS_API_TOKEN", show_envvar=True, help="A bearer token for it (oms token)."),
]
DataDir = Annotated[Path, typer.Option("--data-dir", help="The stack's data directory, where --api is not given.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON for programs.")]
