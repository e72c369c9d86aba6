"""Returns, and stock in quarantine."""

from infra.db import revisions

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables and their triggers, with the lifecycle of this revision."""
    revisions.run("0011_returns")
    revisions.run("0011_lifecycle")


def downgrade() -> None:
    """There is no way back: what customers sent us would be gone."""
    raise RuntimeError("returns are not dropped; restore a backup instead")
