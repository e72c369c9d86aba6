"""Answers are kept only under master keys that the database knows."""

from infra.db import revisions

revision = "0068"
down_revision = "0067"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The guard; answers from before stay."""
    revisions.run("0068_answers_known_key")


def downgrade() -> None:
    """There is no way back: answers would be kept that nobody can read."""
    raise RuntimeError("answers are not kept under unknown master keys again; restore a backup instead")
