"""Anchors of the audit log, where acts come from, entries for what had none."""

from pathlib import Path

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the anchors, the column and the triggers."""
    script = Path(__file__).with_name("0007_audit_anchors.sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(script)


def downgrade() -> None:
    """There is no way back: what the anchors hold would be held by nothing."""
    raise RuntimeError("anchors are not dropped; restore a backup instead")
