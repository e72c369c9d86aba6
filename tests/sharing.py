"""Which files of tests stay together when workers share them: those that use the servers of their folder.

The process that shares out knows names of tests only, so what a file asks for is read from its source.
"""

import ast
from functools import cache
from pathlib import Path

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def unit_of(file: Path) -> str:
    """The folder, where the file uses a fixture that is made once for its folder; else the file itself."""
    conftest = file.with_name("conftest.py")
    if not conftest.exists():
        return str(file)
    body = {name for function in _functions(file) for name in _wanted(function) if _asks(function)}
    return str(file.parent) if body & _shared(conftest) else str(file)


@cache
def _shared(conftest: Path) -> frozenset[str]:
    """Fixtures that are made once for the folder, and those made from them."""
    found = {function.name for function in _functions(conftest) if _of_package(function)}
    for _ in range(len(_functions(conftest))):
        found |= {f.name for f in _functions(conftest) if f.decorator_list and found & set(_wanted(f))}
    return frozenset(found)


@cache
def _functions(file: Path) -> tuple[Function, ...]:
    return tuple(node for node in ast.parse(file.read_text()).body if isinstance(node, Function))


def _wanted(function: Function) -> list[str]:
    return [argument.arg for argument in function.args.args]


def _asks(function: Function) -> bool:
    return function.name.startswith("test_") or bool(function.decorator_list)


def _of_package(function: Function) -> bool:
    return any("scope='package'" in ast.unparse(decorator) for decorator in function.decorator_list)
