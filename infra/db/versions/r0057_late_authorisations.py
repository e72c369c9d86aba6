"""An authorisation that came too late for what the order costs by now is money that goes back."""

from pathlib import Path

from alembic import op

revision = "0057"
down_revision = "0056"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The function that says what is given back."""
    script = Path(__file__).with_name("0057_late_authorisations.sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(script)


def downgrade() -> None:
    """There is no way back: such authorisations would hold money for nothing."""
    raise RuntimeError("money that goes back is not forgotten; restore a backup instead")
