"""Heartbeats of the processes, and the answers of the books to their checks."""

from pathlib import Path

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the two tables."""
    script = Path(__file__).with_name("0016_processes.sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(script)


def downgrade() -> None:
    """Nothing in them is needed to go on: they fill again by themselves."""
    op.execute("DROP TABLE processes, book_checks")
