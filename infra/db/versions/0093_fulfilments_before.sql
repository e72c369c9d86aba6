-- Orders that have reserved their stock before and are on their way: a thousand at a time.
WITH found AS (
  SELECT o.order_no, o.warehouse, s.status AS parcel
    FROM orders o
    LEFT JOIN LATERAL (SELECT h.status FROM shipments h
                        WHERE h.order_no = o.order_no AND h.status <> 'cancelled' AND h.replaced_at IS NULL) s ON true
   WHERE o.status IN ('pending_payment', 'paid', 'preparing', 'shipped') AND o.warehouse IS NOT NULL
     AND NOT EXISTS (SELECT FROM fulfilments f WHERE f.order_no = o.order_no)
     AND EXISTS (SELECT FROM order_lines l WHERE l.order_no = o.order_no AND l.quantity > l.cancelled_quantity)
   ORDER BY o.order_no LIMIT 1000 FOR UPDATE OF o
), made AS (
  INSERT INTO fulfilments (fulfilment_id, order_no, number, warehouse, status)
  SELECT order_no || '-F1', order_no, 1, warehouse,
         CASE parcel WHEN 'booked' THEN 'booked' WHEN 'picked_up' THEN 'shipped' WHEN 'in_transit' THEN 'shipped'
           WHEN 'delivered' THEN 'delivered' WHEN 'lost' THEN 'failed' WHEN 'refused' THEN 'failed' ELSE 'reserved' END
    FROM found
  ON CONFLICT DO NOTHING RETURNING order_no
)
INSERT INTO fulfilment_lines (order_no, number, line_no, quantity)
SELECT l.order_no, 1, l.line_no, l.quantity - l.cancelled_quantity
  FROM made JOIN order_lines l USING (order_no) WHERE l.quantity > l.cancelled_quantity;
