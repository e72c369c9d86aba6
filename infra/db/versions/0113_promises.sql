-- A fulfilment keeps when it is promised to arrive, as the event of its reservation says.
CREATE OR REPLACE FUNCTION create_fulfilment()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NEW.data ->> 'warehouse' IS NULL THEN
    RETURN NULL;
  END IF;
  INSERT INTO fulfilments (fulfilment_id, order_no, number, warehouse, status, promised_to)
  VALUES (NEW.order_no || '-F1', NEW.order_no, 1, NEW.data ->> 'warehouse', 'reserved',
          CAST(NEW.data ->> 'promised_to' AS timestamptz)) ON CONFLICT DO NOTHING;
  IF FOUND THEN
    INSERT INTO fulfilment_lines (order_no, number, line_no, quantity)
    SELECT l.order_no, 1, l.line_no, l.quantity - l.cancelled_quantity FROM order_lines l
     WHERE l.order_no = NEW.order_no AND l.quantity > l.cancelled_quantity;
  END IF;
  RETURN NULL;
END $$;
