"""Whether a fulfilment arrives later than it was promised, in SQL."""

# Whether the fulfilment that the statement calls `f` is late, as a domain.shipping.lateness.Lateness; null where not.
LATENESS = """CASE WHEN f.status IN ('delivered', 'cancelled') THEN NULL WHEN f.promised_to < now() THEN 'passed'
      WHEN EXISTS (SELECT FROM order_events e WHERE e.order_no = f.order_no AND e.type = 'promise_moved'
                      AND e.data -> 'fulfilments' @> to_jsonb(f.number)) THEN 'moved' END"""
