"""The actions of staff are those that are known."""

from infra.db import revisions

revision = "0112"
down_revision = "0111"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Actions come meanwhile."""
    revisions.run_apart("0112_staff_actions_validated")


def downgrade() -> None:
    """There is no way back: the check does no harm to the previous version."""
    raise RuntimeError("the check stays")
