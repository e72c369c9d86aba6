"""How each channel says that its customer is reached."""

from pathlib import Path

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table; what is known of customers is every channel's word so far."""
    script = Path(__file__).with_name("0018_contacts.sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(script)


def downgrade() -> None:
    """There is no way back: an address of one channel's choice would open another's orders again."""
    raise RuntimeError("contacts are not merged again; restore a backup instead")
