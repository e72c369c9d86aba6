-- Whatever makes more of a SKU available wakes the backorders that it serves: a receipt, a release, goods that came back,
-- a transfer, a lower safety stock. The row of the level says it, so no statement can forget it.
CREATE INDEX orders_waiting_for_stock ON orders (created_at, order_no)
  WHERE status = 'received' AND waiting ->> 'what' = 'stock';

-- True where one warehouse has all that is left of the order's lines.
CREATE FUNCTION fits_somewhere(wanted_by text) RETURNS boolean LANGUAGE sql STABLE
  SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT EXISTS (SELECT FROM warehouses w WHERE NOT EXISTS (
    SELECT FROM order_lines l WHERE l.order_no = wanted_by AND l.quantity > l.cancelled_quantity GROUP BY l.sku
    HAVING sum(l.quantity - l.cancelled_quantity) > coalesce((
             SELECT s.available FROM stock_levels s WHERE s.sku = l.sku AND s.warehouse = w.code), 0)))
$$;

-- First come those that wait longest, and of them as many as there are units for; the relay pages on to the others. The
-- lock is shared with other arrivals; an order that records its shortage at this moment holds it alone (see
-- reservations.py): it is waited for, and then seen.
CREATE FUNCTION wake_backorders() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared(hashtextextended('arrivals:' || NEW.sku, 0));
  INSERT INTO workflow_requests (kind, subject, name, rank)
  SELECT 'signal_order', fitting.order_no, 'stock_arrived', extract(epoch FROM clock_timestamp()) - fitting.head_start_s
    FROM (SELECT first.order_no, first.head_start_s,
                 sum(first.units) OVER (ORDER BY first.rank, first.order_no) - first.units AS taken_before
            FROM (SELECT o.order_no, n.units, head_start_s(o.priority) AS head_start_s,
                         extract(epoch FROM o.created_at) - head_start_s(o.priority) AS rank
                    FROM orders o, LATERAL (
                           SELECT sum(l.quantity - l.cancelled_quantity) AS units FROM order_lines l
                            WHERE l.order_no = o.order_no AND l.sku = NEW.sku
                              AND l.quantity > l.cancelled_quantity) n
                   WHERE o.status = 'received' AND o.waiting ->> 'what' = 'stock' AND n.units > 0
                   ORDER BY rank, o.order_no LIMIT 1000) first
           WHERE fits_somewhere(first.order_no)) fitting
   WHERE fitting.taken_before < (SELECT sum(s.available) FROM stock_levels s WHERE s.sku = NEW.sku);
  RETURN NULL;
END $$;
CREATE TRIGGER stock_level_wakes AFTER UPDATE ON stock_levels FOR EACH ROW WHEN (NEW.available > OLD.available)
  EXECUTE FUNCTION wake_backorders();

REVOKE EXECUTE ON FUNCTION fits_somewhere, wake_backorders FROM PUBLIC;
GRANT EXECUTE ON FUNCTION fits_somewhere TO oms_app;
