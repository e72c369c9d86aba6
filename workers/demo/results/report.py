"""The final tables and checks, for people."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from domain.orders.status import Status
from domain.text import counted
from workers.demo.api_client.models import Suggestion
from workers.demo.baskets.catalogue import CURRENCY
from workers.demo.behaviour.scenarios import SPECS, Scenario
from workers.demo.results.checks import Check
from workers.demo.results.statistics import Statistics
from workers.demo.results.stock_ledger import Movement, WarehouseBalance

SHOWN_SUGGESTIONS = 10
REFUSALS = {
    "invalid_quantity": "lines with quantity 0 left out",
    "unknown_sku": "lines whose product is not in the catalogue left out",
    "product_inactive": "fuel, counted in thousandths of a gallon and not sold here, left out",
    "too_many_lines": "lines beyond the limit left out",
}


def show(
    console: Console,
    statistics: Statistics,
    checks: Sequence[Check],
    balances: Sequence[WarehouseBalance],
    seconds: float,
) -> None:
    """What happened to the baskets, the balance, then one line for each check."""
    console.print(_refused(statistics))
    console.print(_orders(statistics))
    console.print(_totals(statistics))
    console.print(_stock(balances))
    if statistics.suggestions:
        console.print(_suggestions(statistics.suggestions))
    for check in checks:
        _line(console, check)
    ended = f"{statistics.ends} of {counted(statistics.placed, 'order')} ended in {seconds:.0f} s"
    right = all(not check.wrong for check in checks)
    console.print(f"{ended}, {'all as they should.' if right else 'not all is as it should be.'}", markup=False)


def _refused(statistics: Statistics) -> Table:
    table = Table(title="What the API refused of the baskets as they are", title_justify="left")
    table.add_column("problem")
    table.add_column("times", justify="right")
    table.add_column("then")
    for code, times in sorted(statistics.refusals.items()):
        table.add_row(code, str(times), REFUSALS.get(code, "cannot be corrected"))
    table.add_section()
    table.add_row("baskets", str(statistics.reached[0]), f"{statistics.corrected} placed after correction")
    table.add_row("", str(statistics.nothing_left), "had nothing left that can be sent")
    table.add_row("orders", str(statistics.placed), "placed")
    return table


def _orders(statistics: Statistics) -> Table:
    table = Table(title="What happened to the orders", title_justify="left")
    for name, justify in (("what happened", "left"), ("orders", "right"), ("ended as", "left"), ("right", "right")):
        table.add_column(name, justify="right" if justify == "right" else "left", overflow="fold")
    for scenario in Scenario:
        if scenario in statistics.groups:
            group = statistics.groups[scenario]
            ends = "\n".join(f"{times} × {end}" for end, times in group.ends.most_common())
            style = "green" if group.as_expected == group.orders else "red"
            right = f"[{style}]{group.as_expected} of {group.orders}[/{style}]"
            table.add_row(SPECS[scenario].description, str(group.orders), ends, right)
    table.add_section()
    table.add_row("parked and resolved by support", str(statistics.resolved.total()), _counted(statistics.resolved))
    if statistics.unplanned:
        table.add_row(
            "of these parked without being meant to", str(statistics.unplanned.total()), _counted(statistics.unplanned)
        )
    return table


def _totals(statistics: Statistics) -> Table:
    table = Table(title="The balance: orders and money", title_justify="left")
    for name in ("", "in", "out", "left", "right"):
        table.add_column(name, justify="right" if name in ("in", "out", "left") else "left")
    completed, cancelled = (statistics.statuses[status] for status in (Status.COMPLETED, Status.CANCELLED))
    table.add_row(
        "orders: placed, cancelled, completed",
        *(str(number) for number in (statistics.placed, cancelled, completed)),
        _mark(statistics.placed == cancelled + completed),
    )
    amounts = (statistics.captured_minor, statistics.refunded_minor, statistics.held_minor)
    table.add_row(
        f"{CURRENCY}: captured, refunded, kept",
        *(f"{minor / 100:,.2f}" for minor in amounts),
        _mark(statistics.money_balances),
    )
    return table


def _stock(balances: Sequence[WarehouseBalance]) -> Table:
    table = Table(title="The balance: units in each warehouse", title_justify="left")
    table.add_column("warehouse")
    for movement in Movement:
        table.add_column(movement.value, justify="right")
    table.add_column("on hand", justify="right")
    table.add_column("right")
    for balance in balances:
        units = (_signed(balance.movements[movement]) for movement in Movement)
        table.add_row(balance.warehouse, *units, f"{balance.on_hand:,}", _mark(balance.balanced))
    return table


def _suggestions(suggestions: Sequence[Suggestion]) -> Table:
    table = Table(title="What replenishment suggested to buy while orders waited for stock", title_justify="left")
    for name in ("product", "warehouse", "units", "available and on its way", "reorder point"):
        table.add_column(name, justify="left" if name in ("product", "warehouse") else "right", overflow="fold")
    for one in suggestions[:SHOWN_SUGGESTIONS]:
        table.add_row(one.name, one.warehouse, str(one.quantity), str(one.position), str(one.reorder_point))
    if (more := len(suggestions) - SHOWN_SUGGESTIONS) > 0:
        table.add_row(f"and {more} more", "", "", "", "")
    return table


def _signed(units: int) -> str:
    return f"{units:+,}" if units else "0"


def _mark(balanced: bool) -> str:
    return "[green]✓[/green]" if balanced else "[red]✗[/red]"


def _counted(counted: dict[str, int]) -> str:
    return "\n".join(f"{times} × {what}" for what, times in sorted(counted.items()))


def _line(console: Console, check: Check) -> None:
    if not check.wrong:
        amount = f" ({check.checked_count} compared)" if check.checked_count > 1 else ""
        console.print(f"[green]✓[/green] {check.name}{amount}", highlight=False)
        return
    console.print(f"[red]✗ wrong: {check.name}: {check.wrong} differ[/red]", highlight=False)
    for example in check.examples:
        console.print(f"    {example}", markup=False, highlight=False)
