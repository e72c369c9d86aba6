"""An audit anchor dated in the future counts as due."""

from infra.db import revisions

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Replace the function that makes anchors."""
    revisions.run("0053_future_anchors")


def downgrade() -> None:
    """There is no way back: after a clock was set back nothing would be anchored for as long."""
    raise RuntimeError("the rule is not dropped; restore a backup instead")
