"""What stands on a packing slip: one for each part of an order that is sent on its own, without prices."""

from collections.abc import Mapping, Sequence

from api.services.orders.order_types import OrderFields
from domain.json_types import JsonFields
from domain.orders.addresses import address_lines
from domain.shipping.fulfilments import FulfilmentStatus

KIND = "packing_slip"


def slips_of(order: OrderFields) -> list[JsonFields]:
    """A slip for each fulfilment that is sent: a planned one has no parcel yet, a cancelled one never. Before the stock
    is reserved, one for the whole order.

    `fulfilment` is printed as a code that the scanners of the warehouse read.
    """
    standing = [part for part in order["fulfilments"] if part["status"] != FulfilmentStatus.CANCELLED]
    parts = [part for part in standing if part["status"] != FulfilmentStatus.PLANNED]
    if not standing:
        whole = [(line["line_no"], line["sku"], line["quantity"]) for line in order["lines"]]
        return [_slip(order, whole, {"warehouse": order["warehouse"] or ""})]
    total = len(order["fulfilments"])
    carried = {one["shipment_id"]: f"{one['carrier']} {one['tracking_no'] or ''}" for one in order["shipments"]}
    return [
        _slip(
            order,
            [(line["line_no"], line["sku"], line["quantity"]) for line in part["lines"]],
            {
                "part": f"{part['number']} / {total}" if len(standing) > 1 else "",
                "warehouse": part["warehouse"],
                "fulfilment": part["fulfilment_id"],
                "parcel": carried.get(part["shipment_id"] or "", ""),
            },
        )
        for part in parts
    ]


def _slip(order: OrderFields, lines: Sequence[tuple[int, str, int]], where: Mapping[str, str]) -> JsonFields:
    names = {line["line_no"]: line["name"] for line in order["lines"]}
    goods = [{"sku": sku, "name": names[line_no], "quantity": quantity} for line_no, sku, quantity in lines]
    about = {"order": order["order_no"], "part": "", "fulfilment": "", "parcel": "", **where}
    return {"kind": KIND, **about, "ship_to": _address(order["ship_to"]), "lines": goods, "note": order["note"] or ""}


def _address(ship_to: Mapping[str, str] | None) -> list[str]:
    if not ship_to:
        return []
    lines = [ship_to["name"], *address_lines(dict(ship_to)), ship_to.get("phone", "")]
    return [line for line in lines if line]
