"""Nothing that a person records goes past a hold; a hold by hand does not silence the rule."""

from pathlib import Path

from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Guard what is recorded, let both holds be open."""
    script = Path(__file__).with_name("0047_holds_by_hand.sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(script)


def downgrade() -> None:
    """There is no way back: what is held could be booked."""
    raise RuntimeError("the rule is not dropped; restore a backup instead")
