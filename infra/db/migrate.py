"""Schema migrations, run by the database's owner."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from infra.db.engine import sqlalchemy_url


def _config(owner_url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("sqlalchemy.url", sqlalchemy_url(owner_url).replace("%", "%%"))
    return config


def upgrade(owner_url: str) -> None:
    """Bring the schema at `owner_url` to the newest revision; nothing to do is fine. Raises WrongRoles."""
    command.upgrade(_config(owner_url), "head")


def state(owner_url: str) -> tuple[str | None, str | None]:
    """(revision in the database, newest revision known to the code)."""
    head = ScriptDirectory.from_config(_config(owner_url)).get_current_head()
    engine = create_engine(sqlalchemy_url(owner_url))
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision(), head
    finally:
        engine.dispose()
