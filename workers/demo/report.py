"""The closing table and the closing checks, for people."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from workers.demo.checks import Check
from workers.demo.scenarios import PLOTS, Scenario
from workers.demo.statistics import Statistics

REFUSALS = {
    "invalid_quantity": "lines with quantity 0 left out",
    "unknown_sku": "lines whose product is not in the catalogue left out",
    "product_inactive": "fuel, counted in thousandths of a gallon and not sold here, left out",
    "too_many_lines": "lines beyond the limit left out",
}


def show(console: Console, tally: Statistics, checks: Sequence[Check], seconds: float) -> None:
    """What became of the baskets, then one line for each check."""
    console.print(_refused(tally))
    console.print(_orders(tally))
    for check in checks:
        _line(console, check)
    ended = f"{tally.ends} of {tally.placed} orders ended in {seconds:.0f} s"
    right = all(not check.wrong for check in checks)
    console.print(f"{ended}, {'all as they should.' if right else 'not all is as it should be.'}", markup=False)


def _refused(tally: Statistics) -> Table:
    table = Table(title="What validation said of the baskets as they are", title_justify="left")
    table.add_column("problem")
    table.add_column("times", justify="right")
    table.add_column("then")
    for code, times in sorted(tally.refusals.items()):
        table.add_row(code, str(times), REFUSALS.get(code, "nothing could be done"))
    table.add_section()
    table.add_row("baskets", str(tally.reached[0]), f"{tally.corrected} placed after correction")
    table.add_row("", str(tally.nothing_left), "had nothing left that can be sent")
    table.add_row("orders", str(tally.placed), "placed")
    return table


def _orders(tally: Statistics) -> Table:
    table = Table(title="What became of the orders", title_justify="left")
    for name, justify in (("what happened", "left"), ("orders", "right"), ("ended as", "left"), ("right", "right")):
        table.add_column(name, justify="right" if justify == "right" else "left", overflow="fold")
    for fate in Scenario:
        if fate in tally.groups:
            group = tally.groups[fate]
            ends = "\n".join(f"{times} × {end}" for end, times in group.ends.most_common())
            style = "green" if group.as_expected == group.orders else "red"
            right = f"[{style}]{group.as_expected} of {group.orders}[/{style}]"
            table.add_row(PLOTS[fate].words, str(group.orders), ends, right)
    table.add_section()
    table.add_row("stuck and resolved by support", str(tally.resolved.total()), _counted(tally.resolved))
    if tally.unplanned:
        table.add_row("of these stuck unasked", str(tally.unplanned.total()), _counted(tally.unplanned))
    return table


def _counted(counted: dict[str, int]) -> str:
    return "\n".join(f"{times} × {what}" for what, times in sorted(counted.items()))


def _line(console: Console, check: Check) -> None:
    if not check.wrong:
        amount = f" ({check.looked_at} compared)" if check.looked_at > 1 else ""
        console.print(f"[green]✓[/green] {check.name}{amount}", highlight=False)
        return
    console.print(f"[red]✗ not so: {check.name}: {check.wrong} differ[/red]", highlight=False)
    for example in check.examples:
        console.print(f"    {example}", markup=False, highlight=False)
