"""Claimed guarantees are invoiced, lost disputes credited."""

from infra.db import revisions

revision = "0071"
down_revision = "0070"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The functions and triggers, and the documents of what was claimed and lost before."""
    revisions.run("0071_claims_and_losses")


def downgrade() -> None:
    """There is no way back: documents that were issued stay."""
    raise RuntimeError("documents are not taken back; restore a backup instead")
