-- Freight that was booked before there was a ledger of it.
INSERT INTO freight_entries (kind, order_no, fulfilment_no, shipment_id, amount_minor, currency, created_at)
SELECT 'booked', s.order_no, s.fulfilment_no, s.shipment_id, s.cost_minor, s.cost_currency, s.created_at
  FROM shipments s
 WHERE s.cost_minor >= 0 AND s.cost_currency IS NOT NULL
   AND NOT EXISTS (SELECT FROM freight_entries e WHERE e.shipment_id = s.shipment_id AND e.kind = 'booked')
 LIMIT 5000
ON CONFLICT DO NOTHING
