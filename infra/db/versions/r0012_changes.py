"""Changes of orders after placing."""

from pathlib import Path

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables and their triggers."""
    script = Path(__file__).with_name("0012_changes.sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(script)


def downgrade() -> None:
    """There is no way back: who changed what would be gone."""
    raise RuntimeError("changes of orders are not dropped; restore a backup instead")
