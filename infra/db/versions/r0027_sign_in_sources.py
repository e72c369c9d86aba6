"""Attempts to sign in are counted by where they come from, too."""

from pathlib import Path

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Give each attempt its source."""
    script = Path(__file__).with_name("0027_sign_in_sources.sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(script)


def downgrade() -> None:
    """There is no way back: several rows would have one name."""
    raise RuntimeError("the column is not dropped; restore a backup instead")
