"""Disputes are answered from here: what was asked of the provider, and by which request."""

from infra.db import revisions

revision = "0062"
down_revision = "0061"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The columns, and their guard."""
    revisions.run("0062_dispute_answers")


def downgrade() -> None:
    """There is no way back: which disputes were accepted would be gone."""
    raise RuntimeError("answers to disputes are not dropped; restore a backup instead")
