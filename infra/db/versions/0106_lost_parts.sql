-- The warehouse of an order is that of its first part.
CREATE OR REPLACE FUNCTION refresh_order_warehouse() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE orders SET warehouse = NEW.data ->> 'warehouse'
   WHERE order_no = NEW.order_no AND coalesce(CAST(NEW.data ->> 'fulfilment' AS integer), 1) = 1;
  RETURN NULL;
END $$;
