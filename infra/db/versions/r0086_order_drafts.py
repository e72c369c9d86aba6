"""Orders that staff prepare for a customer."""

from infra.db import revisions

revision = "0086"
down_revision = "0085"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The table."""
    revisions.run("0086_order_drafts")


def downgrade() -> None:
    """There is no way back: what staff prepared stays."""
    raise RuntimeError("drafts are kept; restore a backup instead")
