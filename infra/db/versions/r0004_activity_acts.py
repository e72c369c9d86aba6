"""Acts of staff on running activities."""

from pathlib import Path

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table and the trigger that audits it."""
    script = Path(__file__).with_name("0004_activity_acts.sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(script)


def downgrade() -> None:
    """There is no way back: who did what would be gone."""
    raise RuntimeError("acts of staff are not dropped; restore a backup instead")
