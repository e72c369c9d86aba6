-- The level is locked meanwhile: whoever waits longest is looked at first, and nobody after the new units are used up.
CREATE OR REPLACE FUNCTION signal_backorders()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  waiting record;
  units_left numeric;
BEGIN
  PERFORM pg_advisory_xact_lock_shared(hashtextextended('arrivals:' || NEW.sku, 0));
  SELECT sum(s.available) INTO units_left FROM stock_levels s WHERE s.sku = NEW.sku;
  FOR waiting IN
    SELECT o.order_no, n.units, priority_head_start_s(o.priority) AS head_start_s,
           extract(epoch FROM o.created_at) - priority_head_start_s(o.priority) AS rank,
           o.ship_complete, CAST(NULL AS integer) AS number
      FROM orders o, LATERAL (
             SELECT sum(l.quantity - l.cancelled_quantity) AS units FROM order_lines l
              WHERE l.order_no = o.order_no AND l.sku = NEW.sku AND l.quantity > l.cancelled_quantity) n
     WHERE o.status = 'received' AND o.waiting ->> 'what' = 'stock' AND n.units > 0
    UNION ALL
    SELECT o.order_no, n.units, priority_head_start_s(o.priority),
           extract(epoch FROM o.created_at) - priority_head_start_s(o.priority), true, f.number
      FROM fulfilments f JOIN orders o USING (order_no), LATERAL (
             SELECT sum(p.quantity) AS units FROM fulfilment_lines p JOIN order_lines l USING (order_no, line_no)
              WHERE p.order_no = f.order_no AND p.number = f.number AND l.sku = NEW.sku) n
     WHERE f.status = 'planned' AND o.status IN ('paid', 'preparing') AND n.units > 0
     ORDER BY rank, order_no LIMIT 1000
  LOOP
    EXIT WHEN units_left <= 0;
    CONTINUE WHEN NOT CASE WHEN waiting.number IS NOT NULL THEN part_fits(waiting.order_no, waiting.number)
                           ELSE NOT waiting.ship_complete OR fits_together(waiting.order_no) END;
    INSERT INTO workflow_requests (kind, subject, name, rank)
    VALUES ('signal_order', waiting.order_no, 'stock_arrived',
            extract(epoch FROM clock_timestamp()) - waiting.head_start_s);
    units_left := units_left - waiting.units;
  END LOOP;
  RETURN NULL;
END $$;
