"""Documents name the claimed guarantee or the lost dispute that they are of."""

from infra.db import revisions

revision = "0069"
down_revision = "0068"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The columns."""
    revisions.run("0069_further_documents")


def downgrade() -> None:
    """There is no way back: documents that were issued stay."""
    raise RuntimeError("documents are not taken back; restore a backup instead")
