UPDATE fulfilments f SET placed_at = o.created_at
  FROM orders o
 WHERE o.order_no = f.order_no AND f.fulfilment_id IN (
   SELECT x.fulfilment_id FROM fulfilments x WHERE x.number > 1 AND x.placed_at IS NULL LIMIT 1000);
