"""What lines were sold for, and refunds."""

from infra.db import revisions

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables and their triggers, with the legal moves of this revision."""
    revisions.run("0010_refunds")
    revisions.run("0010_lifecycle")


def downgrade() -> None:
    """There is no way back: what was promised to customers would be gone."""
    raise RuntimeError("refunds are not dropped; restore a backup instead")
