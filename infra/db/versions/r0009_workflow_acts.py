"""Resets of workflows, and the record of steps that still retry."""

from pathlib import Path

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the two tables and their triggers."""
    script = Path(__file__).with_name("0009_workflow_acts.sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(script)


def downgrade() -> None:
    """There is no way back: who did what would be gone."""
    raise RuntimeError("acts of staff are not dropped; restore a backup instead")
