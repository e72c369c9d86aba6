"""The lock files agree with each other and with pyproject.toml."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)==(\S+)", re.IGNORECASE)
_HASH = re.compile(r"--hash=(\S+)")


def locked(name: str) -> dict[str, tuple[str, frozenset[str]]]:
    """{package: (version, hashes)}."""
    found: dict[str, tuple[str, frozenset[str]]] = {}
    for block in re.split(r"^(?=\w)", (ROOT / name).read_text(), flags=re.MULTILINE):
        if pin := _PIN.match(block):
            found[pin[1]] = (pin[2], frozenset(_HASH.findall(block)))
    return found


def named(requirements: list[str]) -> set[str]:
    """As a lock file writes names."""
    return {re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", one, maxsplit=1)[0]).lower() for one in requirements}


PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
BASE, ALL, CLIENT = (locked(f"requirements{kind}.lock") for kind in ("-base", "", "-client"))


def test_the_base_lock_is_a_part_of_the_full_one() -> None:
    assert {name: pin for name, pin in BASE.items() if ALL.get(name) != pin} == {}


def test_every_pin_has_a_hash() -> None:
    assert [name for name, (_, hashes) in (*BASE.items(), *ALL.items(), *CLIENT.items()) if not hashes] == []


def test_the_lock_files_have_what_the_project_names() -> None:
    extras = PROJECT["optional-dependencies"]
    assert named([*PROJECT["dependencies"], *extras["editable"]]) - BASE.keys() == set(), "run make lock"
    assert named([one for extra in extras.values() for one in extra]) - ALL.keys() == set(), "run make lock"
    assert named(PYPROJECT["dependency-groups"]["client"]) - CLIENT.keys() == set(), "run make lock"


def test_the_base_lock_has_no_tool_of_development() -> None:
    extras = PROJECT["optional-dependencies"]
    others = named([one for extra in ("extract", "dev", "bench") for one in extras[extra]]) - {"setuptools"}
    assert others & BASE.keys() == set()
