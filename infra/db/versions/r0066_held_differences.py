"""A held order takes no difference; what a decision on a stuck step moves is what really moves."""

from infra.db import revisions

revision = "0066"
down_revision = "0065"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Functions and a trigger."""
    revisions.run("0066_held_differences")


def downgrade() -> None:
    """There is no way back: held orders would pay again."""
    raise RuntimeError("the rules are not taken back; restore a backup instead")
