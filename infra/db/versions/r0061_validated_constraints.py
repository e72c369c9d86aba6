"""Constraints that were added for new rows only hold for all rows."""

from infra.db import revisions

revision = "0061"
down_revision = "0060"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Payments and resolutions come meanwhile."""
    revisions.run_apart("0061_validated_constraints")


def downgrade() -> None:
    """There is no way back: what holds for every row goes on holding."""
    raise RuntimeError("a constraint that holds is not made to hold for new rows only; restore a backup instead")
