"""An order may ship what is there, and keep the rest as a planned fulfilment that is reserved when stock arrives."""

from infra.db import revisions

revision = "0129"
down_revision = "0128"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Orders ship complete unless they say otherwise; processes of the previous version know no others."""
    revisions.run("0129_planned_parts")


def downgrade() -> None:
    """There is no way back: planned fulfilments would never be reserved."""
    raise RuntimeError("orders wait for the rest of their goods; the previous version would not reserve them")
