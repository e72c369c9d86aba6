-- A person may choose the warehouse of a fulfilment whose parcel is not booked.
ALTER TABLE staff_actions DROP CONSTRAINT staff_actions_action_check,
  ADD CONSTRAINT staff_actions_action_check
  CHECK (action IN ('prioritise', 'adjust', 'parcel', 'contact', 'warehouse')) NOT VALID;
CREATE TRIGGER first_warehouse_changed AFTER INSERT ON order_events
  FOR EACH ROW WHEN (NEW.type = 'warehouse_changed' AND NEW.data ->> 'number' = '1')
  EXECUTE FUNCTION refresh_order_warehouse();

-- A booking that waited for the order's row, which the check of holds locks, has the warehouse of now.
CREATE FUNCTION book_from_current_warehouse()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  NEW.warehouse := coalesce((SELECT f.warehouse FROM fulfilments f
                              WHERE f.order_no = NEW.order_no AND f.number = NEW.fulfilment_no), NEW.warehouse);
  RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION book_from_current_warehouse() FROM PUBLIC;
CREATE TRIGGER booking_from_current_warehouse BEFORE INSERT ON shipments
  FOR EACH ROW WHEN (NEW.status = 'booking') EXECUTE FUNCTION book_from_current_warehouse();
