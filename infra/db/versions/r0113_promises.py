"""Fulfilments keep when they are promised to arrive."""

from infra.db import revisions

revision = "0113"
down_revision = "0112"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Reservations of the previous version promise nothing."""
    revisions.run("0113_promises")


def downgrade() -> None:
    """There is no way back: the dates that customers know would be lost."""
    raise RuntimeError("promised dates are kept; the previous version ignores them")
