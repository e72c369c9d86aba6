-- An order is captured once, or once with each fulfilment.
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS payments_one_capture_of_order ON payments (order_no)
  WHERE kind = 'capture' AND purpose = 'order' AND status <> 'failed' AND fulfilment_no IS NULL;
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS payments_one_capture_of_part ON payments (order_no, fulfilment_no)
  WHERE kind = 'capture' AND purpose = 'order' AND status <> 'failed' AND fulfilment_no IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS payments_one_capture;
ALTER TABLE payments VALIDATE CONSTRAINT capture_of_its_fulfilment;
ALTER TABLE payments VALIDATE CONSTRAINT capture_of_a_fulfilment;
ALTER TABLE orders VALIDATE CONSTRAINT orders_capture;
