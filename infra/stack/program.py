"""How a person types a command of ours in this folder: what is printed runs as it is printed."""

import os
import shlex
import shutil
import sys
from pathlib import Path

from infra.stack.data_dir.layout import DEFAULT_DATA_DIR
from infra.stack.processes.leftovers import DATA_DIR_VARIABLE


def command(words: str, data_dir: Path | str | None = None, *, takes_data_dir: bool = True) -> str:
    """`oms WORDS` with the program's path where it is not on the person's, and the data directory where it is another.

    The data directory is that of the stack whose settings this process has, unless named.
    """
    chosen = data_dir or os.environ.get(DATA_DIR_VARIABLE)
    if not takes_data_dir or chosen is None or Path(chosen).resolve() == DEFAULT_DATA_DIR.resolve():
        return f"{_program()} {words}"
    return f"{_program()} {words} --data-dir {shlex.quote(str(chosen))}"


def _program() -> str:
    beside = Path(sys.executable).parent / "oms"
    found = shutil.which("oms")
    if not beside.exists() or (found is not None and Path(found).resolve() == beside.resolve()):
        return "oms"
    folder = Path.cwd()
    return shlex.quote(str(beside.relative_to(folder) if beside.is_relative_to(folder) else beside))
