"""The books: catalogue, stock, orders, money, parcels, support, outbox."""

from infra.db import revisions

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create everything, with the lifecycle and the posting rules of this revision."""
    revisions.run("0001_books")
    revisions.run("0001_lifecycle")


def downgrade() -> None:
    """There is no way back from the first revision: it would destroy the books."""
    raise RuntimeError("the first revision is not undone; restore a backup instead")
