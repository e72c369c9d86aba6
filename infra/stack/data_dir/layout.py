"""Where a stack keeps what: one data directory, everything below it."""

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

DEFAULT_DATA_DIR = Path(".oms")


@dataclass(frozen=True)
class Layout:
    """The paths below one data directory."""

    root: Path

    @classmethod
    def at(cls, root: Path) -> "Layout":
        return cls(root.expanduser().resolve())

    @property
    def postgres(self) -> Path:
        return self.root / "postgres"

    @property
    def temporal_db(self) -> Path:
        return self.root / "temporal" / "temporal.db"

    @property
    def sandbox(self) -> Path:
        return self.root / "sandbox"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def ready(self) -> Path:
        return self.root / "ready.json"

    @property
    def environment(self) -> Path:
        return self.root / "environment.json"

    @property
    def ports(self) -> Path:
        return self.root / "ports.json"

    @property
    def secrets(self) -> Path:
        return self.root / "secrets.json"

    @property
    def schema(self) -> Path:
        return self.root / "schema.json"

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    @property
    def has_data(self) -> bool:
        """Whether a stack stored something here: its database, or Temporal's file."""
        return (self.postgres / "PG_VERSION").exists() or self.temporal_db.exists()

    def create(self) -> None:
        """Makes the folders: the root can be passed by the database's user, its contents are the owner's alone."""
        self.root.mkdir(parents=True, exist_ok=True, mode=0o711)
        for folder in (self.temporal_db.parent, self.sandbox, self.logs):
            folder.mkdir(exist_ok=True, mode=0o700)


def write_json(path: Path, content: object) -> None:
    """Writes a file that only its owner reads, so that a reader sees the old or the new content, never a part."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mkstemp gives 0600
    try:
        with os.fdopen(handle, "w") as file:
            json.dump(content, file, indent=2)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
