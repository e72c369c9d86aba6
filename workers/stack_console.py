"""What `oms up` and `oms demo` print and return about the stack that they start."""

from rich.console import Console
from rich.table import Table

from infra.stack.program import command
from infra.stack.running import Running
from workers import first_order
from workers.tables import print_whole

# Exit codes: stopped as requested, failed, a port or the data directory is taken.
OK, FAILED, TAKEN = 0, 1, 2
LOG_FORMAT = "%(asctime)s %(levelname)s %(message)s"


def print_addresses(running: Running, console: Console) -> None:
    """Where everything is, for a person."""
    table = Table(title="The order management system is up", title_justify="left", show_header=False, box=None)
    rows = {
        "API": running.api,
        "API's documentation": f"{running.api}/docs",
        "Console": running.console,
        "Portal": running.portal,
        "Temporal UI": running.temporal_ui or "left out (--headless)",
        "Temporal": running.temporal,
        "Sandbox": running.sandbox,
        "Data": running.data_dir,
    }
    for name, value in rows.items():
        table.add_row(name, value)
    print_whole(console, table)
    console.print("A token for the API:")
    _command(console, command("token --role support", running.data_dir))
    if line := first_order.command_line(running):
        console.print("A first order:")
        _command(console, line)
    console.print("Ctrl-C stops everything and loses nothing.")


def _command(console: Console, line: str) -> None:
    """On one line however long it is, so that it can be copied."""
    console.print(f"  {line}", style="bold", markup=False, highlight=False, soft_wrap=True)
