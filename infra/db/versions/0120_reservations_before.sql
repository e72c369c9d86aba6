-- What orders have reserved before: a thousand rows at a time, while processes of the previous version change them.
WITH found AS (
  SELECT a.* FROM allocations a
   WHERE NOT EXISTS (SELECT FROM reservations r
                      WHERE r.order_no = a.order_no AND r.sku = a.sku AND r.warehouse = a.warehouse)
   ORDER BY a.order_no, a.sku, a.warehouse LIMIT 1000 FOR NO KEY UPDATE OF a
)
INSERT INTO reservations (order_no, sku, warehouse, fulfilment_no, quantity, state)
SELECT order_no, sku, warehouse, fulfilment_no, quantity, state FROM found
ON CONFLICT (order_no, sku, warehouse, fulfilment_no) DO NOTHING;
