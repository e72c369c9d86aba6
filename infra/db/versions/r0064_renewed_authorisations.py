"""When an authorisation ends, and the one that takes its place before that."""

from infra.db import revisions

revision = "0064"
down_revision = "0063"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Payments come and go meanwhile: no row is read."""
    revisions.run("0064_renewed_authorisations")


def downgrade() -> None:
    """There is no way back: what a renewed authorisation stands for would be forgotten."""
    raise RuntimeError("money that is held is not forgotten; restore a backup instead")
