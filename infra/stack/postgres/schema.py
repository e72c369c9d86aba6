"""Migrates the database to the newest version, and detects quickly if it is already there."""

import asyncio
import hashlib
import json
from pathlib import Path

import psycopg

from infra import db
from infra.stack.data_dir.layout import write_json

OWN = ("seed.py", "migrate.py", "env.py", "revisions.py", "roles.py", "hand_over.sql", "close.sql")


def source_hash(folder: Path) -> str:
    """A hash over the migrations and the seed: as long as it stays there is nothing to do."""
    digest = hashlib.sha256()
    for file in sorted([*(folder / "versions").iterdir(), *(folder / name for name in OWN)]):
        if file.is_file():
            digest.update(f"{file.name}\0".encode())
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


async def bring_up_to_date(owner_url: str, mark: Path) -> bool:
    """Migrates and seeds unless the mark says that it was done with this source and the database still agrees.

    An empty catalogue gets the sample products. Looking first spares every later start the import of the migration
    tools. Returns whether anything was run.
    """
    source = source_hash(Path(db.__path__[0]))
    there = await _revision(owner_url)
    if there is not None and _marked(mark) == {"source": source, "revision": there}:
        return False
    await asyncio.to_thread(_migrate_and_seed, owner_url)
    write_json(mark, {"source": source, "revision": await _revision(owner_url)})
    return True


def _marked(mark: Path) -> object:
    try:
        return json.loads(mark.read_text())
    except (OSError, ValueError):
        return None


async def _revision(owner_url: str) -> str | None:
    async with await psycopg.AsyncConnection.connect(owner_url) as connection:
        try:
            row = await (await connection.execute("SELECT version_num FROM alembic_version")).fetchone()
        except psycopg.errors.UndefinedTable:
            return None
    return str(row[0]) if row else None


def _migrate_and_seed(owner_url: str) -> None:
    from infra.db import migrate, samples, seed

    migrate.upgrade(owner_url)
    seed.seed(owner_url)
    samples.add(owner_url)
