"""Supplementary invoices that were refused are issued later, by a person."""

from infra.db import revisions

revision = "0063"
down_revision = "0062"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What is missing, and the act."""
    revisions.run("0063_missing_invoices")


def downgrade() -> None:
    """There is no way back: the version before has no such act."""
    raise RuntimeError("documents are not taken back; restore a backup instead")
