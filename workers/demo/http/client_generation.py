"""`make client`: writes the demo's API client with openapi-python-client, which has an environment of its own.

The client has only the operations that the demo calls: a client of the whole API has several times as much code. The
part of the OpenAPI document that describes them is saved beside the client, so that a change of the API is found
without the generator.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from api.app import create_app
from infra.settings import Settings

Document = dict[str, Any]
FOLDER = Path(__file__).parents[1] / "api_client"
DOCUMENT = "openapi.json"
HEADER = (
    "# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.\n"
)
OPERATIONS = frozenset({
    "add_product", "add_warehouse", "adjust_stock", "approve_return", "cancel_order", "count_stock", "get_order",
    "get_return", "get_stock_levels", "inspect_return", "list_order_events", "list_orders",
    "list_replenishment_suggestions", "open_refund", "pay_order", "pick_fulfilment", "place_order",
    "put_replenishment_rule", "receive_return", "receive_stock", "receive_transfer", "request_return",
    "resolve_delivery_problem", "resolve_step", "set_customer_credit", "ship_transfer", "start_replenishment_run",
    "transfer_stock",
})  # fmt: skip
_PROSE = frozenset({"description", "summary", "examples"})
_REFERENCE = "#/components/schemas/"
_FORMAT = "--line-length=120 --isolated --quiet ."
# JSON is YAML, too.
_CONFIGURATION = {
    "package_name_override": FOLDER.name,
    "literal_enums": True,
    "generate_all_tags": False,
    "post_hooks": [f"ruff check --fix --select=F,I {_FORMAT}", f"ruff format {_FORMAT}"],
}


def current_document() -> Document:
    """The part of this API's OpenAPI document that the client is generated from."""
    settings = Settings(_env_file=None, token_secret="0" * 32)
    return restricted(create_app(settings).openapi(), OPERATIONS)


def restricted(document: Document, operations: Collection[str]) -> Document:
    """The document with these operations only, and the schemas that they use."""
    paths = {}
    for path, calls in document["paths"].items():
        if selected := {verb: call for verb, call in calls.items() if call["operationId"] in operations}:
            paths[path] = selected
    components = document["components"]
    used = _used(paths, components["schemas"])
    schemas = {name: schema for name, schema in components["schemas"].items() if name in used}
    subset = {"schemas": schemas, "securitySchemes": components["securitySchemes"]}
    restricted: Document = _without_prose({**document, "paths": paths, "components": subset})
    return restricted


def _without_prose(node: Any) -> Any:
    """A new wording, or another header of an answer, does not change the client's code."""
    if isinstance(node, list):
        return [_without_prose(child) for child in node]
    if not isinstance(node, dict):
        return node
    if "content" in node:  # an answer or a body
        node = {"description": "", "required": node.get("required", False), "content": node["content"]}
    # A property may be called like that, too; it is an object then.
    return {name: _without_prose(child) for name, child in node.items() if not _is_prose(name, child)}


def _is_prose(name: str, child: Any) -> bool:
    return name in _PROSE and bool(child) and not isinstance(child, dict)


def _used(paths: Document, schemas: Document) -> set[str]:
    """The names of the schemas that these paths refer to, directly or through other schemas."""
    used: set[str] = set()
    waiting = list(_references(paths))
    while waiting:
        if (name := waiting.pop()) not in used:
            used.add(name)
            waiting += _references(schemas[name])
    return used


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        reference = node.get("$ref")
        if isinstance(reference, str) and reference.startswith(_REFERENCE):
            yield reference.removeprefix(_REFERENCE)
        for child in node.values():
            yield from _references(child)
    elif isinstance(node, list):
        for child in node:
            yield from _references(child)


def text_of(node: Any, depth: int = 3, indent: str = "") -> str:
    """The document as JSON, with one line for each operation and each schema."""
    if depth == 0 or not isinstance(node, dict):
        return json.dumps(node, ensure_ascii=False)
    inner = indent + " "
    members = (f"{inner}{json.dumps(name)}: {text_of(child, depth - 1, inner)}" for name, child in node.items())
    return "{\n" + ",\n".join(members) + f"\n{indent}}}"


def generate(programs: Path, target: Path = FOLDER) -> None:
    """Write the client into `target`, which is replaced; `programs` is the folder that has the generator and ruff.

    Raises CalledProcessError when the generator warns or fails."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / DOCUMENT).write_text(text_of(current_document()) + "\n")
        (folder / "configuration.yaml").write_text(json.dumps(_CONFIGURATION))
        _run_generator(programs, folder)
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(folder / "client", target, ignore=shutil.ignore_patterns(".*", "*.md", "*.toml"))
        shutil.copy(folder / DOCUMENT, target / DOCUMENT)
    for file in target.rglob("*.py"):
        file.write_text(HEADER + file.read_text())


def _run_generator(programs: Path, folder: Path) -> None:
    arguments = ("--path", DOCUMENT, "--config", "configuration.yaml", "--meta", "none", "--output-path", "client")
    argv = [str(programs / "openapi-python-client"), "generate", *arguments, "--fail-on-warning"]
    path = os.pathsep.join((str(programs), os.environ.get("PATH", "")))  # the generator calls ruff by its name
    subprocess.run(argv, cwd=folder, env={**os.environ, "PATH": path}, check=True)  # noqa: S603 - fixed arguments


if __name__ == "__main__":
    generate(Path(sys.argv[1]).absolute())
