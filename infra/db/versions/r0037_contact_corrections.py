"""Support corrects the contact of an order; messages say where they went before."""

from pathlib import Path

from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let acts and messages know it."""
    script = Path(__file__).with_name("0037_contact_corrections.sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(script)


def downgrade() -> None:
    """There is no way back: what was corrected would be lost."""
    raise RuntimeError("the columns are not dropped; restore a backup instead")
