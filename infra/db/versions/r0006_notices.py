"""Notices to staff: channels, causes, deliveries."""

from pathlib import Path

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables, the trigger that audits channels and the index that the look for causes needs."""
    script = Path(__file__).with_name("0006_notices.sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(script)


def downgrade() -> None:
    """There is no way back: what staff were told would be gone."""
    raise RuntimeError("notices are not dropped; restore a backup instead")
