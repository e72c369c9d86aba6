"""What `make` hands to the programs that it starts."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_programs_keep_their_bytecode() -> None:
    """Without it, each process of a stack compiles all of its modules again."""
    body = ("make", "--no-print-directory", "--eval=shown: ; @echo [$$PYTHONDONTWRITEBYTECODE]", "shown")
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    answer = subprocess.run(body, cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
