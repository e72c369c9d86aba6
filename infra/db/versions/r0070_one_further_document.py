"""A claim has one invoice, a lost dispute one credit note."""

from infra.db import revisions

revision = "0070"
down_revision = "0069"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The indexes, in the place of two that knew neither."""
    revisions.run_apart("0070_one_further_document")


def downgrade() -> None:
    """There is no way back: documents that were issued stay."""
    raise RuntimeError("documents are not taken back; restore a backup instead")
