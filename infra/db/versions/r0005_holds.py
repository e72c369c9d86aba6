"""Holds, and the columns that the board filters by."""

from pathlib import Path

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create holds, their triggers, and the columns and indexes of the board."""
    script = Path(__file__).with_name("0005_holds.sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(script)


def downgrade() -> None:
    """There is no way back: who held what would be gone."""
    raise RuntimeError("holds are not dropped; restore a backup instead")
