"""The longest delivery slot is the longest day."""

from pathlib import Path

from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let a slot have the 25 hours of a day on which clocks go back."""
    script = Path(__file__).with_name("0031_slot_days.sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(script)


def downgrade() -> None:
    """There is no way back: slots of 25 hours may be kept."""
    raise RuntimeError("the rule is not dropped; restore a backup instead")
