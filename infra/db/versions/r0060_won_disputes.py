"""Which refunds gave way to which dispute: won, it opens them again."""

from infra.db import revisions

revision = "0060"
down_revision = "0058"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The table, and the moves back."""
    revisions.run("0060_won_disputes")


def downgrade() -> None:
    """There is no way back: open refunds would be in a state that the version before does not know."""
    raise RuntimeError("refunds that are open again are not closed; restore a backup instead")
