"""Staff work together on an order: notes with mentions, tags, an assignee."""

from infra.db import revisions

revision = "0081"
down_revision = "0080"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The tables."""
    revisions.run("0081_collaboration")


def downgrade() -> None:
    """There is no way back: what staff wrote stays."""
    raise RuntimeError("notes are kept; restore a backup instead")
