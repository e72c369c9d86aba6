"""What a function of the database changes of an allocation reaches the reservation, as before 0134."""

from infra.db import revisions

revision = "0139"
down_revision = "0138"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Changes of lines that wait for a payment give their units back in a trigger."""
    revisions.run("0139_allocations_in_triggers")


def downgrade() -> None:
    """There is no way back, and no need: both versions work with this trigger."""
    raise RuntimeError("the trigger stays: the previous version works with it")
