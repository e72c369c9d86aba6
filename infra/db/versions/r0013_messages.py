"""Messages to customers."""

from pathlib import Path

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of messages and its triggers."""
    script = Path(__file__).with_name("0013_messages.sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(script)


def downgrade() -> None:
    """There is no way back: what customers were told would be gone."""
    raise RuntimeError("what customers were told is not dropped; restore a backup instead")
