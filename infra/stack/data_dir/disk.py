"""Whether the disk that the stack lives on is full, in one sentence."""

import shutil
from pathlib import Path

# PostgreSQL's log of changes grows by files of this size.
LEAST_BYTES = 16 * 1024 * 1024


def full(root: Path) -> str | None:
    """What to do about it; None while there is room."""
    left = shutil.disk_usage(root).free
    if left >= LEAST_BYTES:
        return None
    return (
        f"the disk of {root} is full ({left >> 20} MiB left): nothing can be written there. Free some space, "
        "then it continues automatically"
    )
