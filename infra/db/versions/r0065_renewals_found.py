"""Indexes of authorisations that are to be renewed, and of which there is one."""

from infra.db import revisions

revision = "0065"
down_revision = "0064"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Payments come and go meanwhile."""
    revisions.run_apart("0065_renewals_found")


def downgrade() -> None:
    """There is no way back: two authorisations could stand for one guarantee."""
    raise RuntimeError("the indexes are not dropped; restore a backup instead")
