"""One supervisor for each data directory, by a lock that the kernel gives back when its holder dies."""

import fcntl
import os
from pathlib import Path

from infra.stack.errors import TakenError


class DirectoryLock:
    """Held from acquire() to release() or the end of the process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None

    @property
    def held(self) -> bool:
        """By this object, not by another process."""
        return self._handle is not None

    def acquire(self) -> None:
        """Takes the lock; raises TakenError when another process holds it."""
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = self._path.read_text().strip()
            os.close(handle)
            who = f" (process {holder})" if holder else ""
            raise TakenError(
                f"{self._path.parent} is in use by another stack{who}; stop it or choose another --data-dir"
            ) from None
        os.ftruncate(handle, 0)
        os.write(handle, str(os.getpid()).encode())
        self._handle = handle

    def release(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
