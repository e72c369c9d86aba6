"""Which orders are followed part by part, as SQL: those with several fulfilments, and with one that is no parcel from
stock."""

# Format with the order's number.
DIVIDED = (
    """EXISTS (SELECT FROM fulfilments m WHERE m.order_no = {order_no} AND (m.number > 1 OR m.kind <> 'parcel'))"""
)
