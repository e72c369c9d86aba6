"""`python -m infra.db.schema write`: migrates an empty database of its own and writes the files anew."""

import argparse
import asyncio
import secrets
import sys
import tempfile
from pathlib import Path

import psycopg

from infra.db import migrate
from infra.db.schema import catalogue, files, notes
from infra.stack.data_dir.ports import any_free
from infra.stack.postgres.postgres_server import SUPERUSER, PostgresServer

DATABASE = "schema"


def _migrated() -> catalogue.Catalogue:
    """Starts a PostgreSQL in a temporary folder, migrates a database in it and reads its catalogue."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        folder.chmod(0o755)  # the server runs as another user where root starts it
        return asyncio.run(_served(folder))


async def _served(folder: Path) -> catalogue.Catalogue:
    server = PostgresServer(
        data=folder / "postgres",
        port=any_free(set()),
        log=folder / "postgres.log",
        owner_password=secrets.token_urlsafe(),
        app_password=secrets.token_urlsafe(),
        durable=False,
    )
    async with server.running():
        return await asyncio.to_thread(_read, server)


def _read(server: PostgresServer) -> catalogue.Catalogue:
    with psycopg.connect(server.url(SUPERUSER, "postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {DATABASE} OWNER oms_owner".encode())
    url = server.url(SUPERUSER, DATABASE)
    migrate.upgrade(url)
    return catalogue.read(url)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m infra.db.schema", description=__doc__)
    parser.add_argument("command", choices=["write"])
    parser.parse_args()
    try:
        changed = files.save(files.texts(_migrated(), notes.read()), notes.FOLDER)
    except notes.IncompleteNotes as missing:
        raise SystemExit(str(missing)) from None
    lines = [f"infra/db/schema/{name}" for name in changed] or ["nothing has changed"]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
