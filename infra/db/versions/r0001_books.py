"""The books: catalogue, stock, orders, money, parcels, support, outbox."""

from pathlib import Path

from alembic import op

from domain.payments import POSTINGS
from domain.states import TRANSITIONS, Status

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create everything; the lifecycle and posting tables are filled from the rules themselves."""
    script = Path(__file__).with_name("0001_books.sql").read_text(encoding="utf-8")
    connection = op.get_bind()
    # Past the adapters: the script has percent signs of its own and no parameters.
    connection.connection.cursor().execute(script)
    for status in Status:
        connection.exec_driver_sql("INSERT INTO order_statuses VALUES (%s)", (status.value,))
    for (source, event), target in TRANSITIONS.items():
        connection.exec_driver_sql("INSERT INTO order_transitions VALUES (%s, %s, %s)", (source, event, target))
    for kind, (debit, credit) in POSTINGS.items():
        connection.exec_driver_sql("INSERT INTO posting_rules VALUES (%s, %s, %s)", (kind.value, debit, credit))


def downgrade() -> None:
    """There is no way back from the first revision: it would destroy the books."""
    raise RuntimeError("the first revision is not undone; restore a backup instead")
