-- The address that a carrier fetches parcels from, and whether a warehouse is in use.
ALTER TABLE warehouses
  ADD COLUMN district     text NOT NULL DEFAULT '',
  ADD COLUMN line1        text NOT NULL DEFAULT '',
  ADD COLUMN postcode     text NOT NULL DEFAULT '',
  ADD COLUMN contact_name text NOT NULL DEFAULT '',
  ADD COLUMN phone        text NOT NULL DEFAULT '',
  ADD COLUMN active       boolean NOT NULL DEFAULT true;
ALTER TABLE warehouses
  ADD CONSTRAINT warehouses_default_is_active CHECK (active OR NOT is_default) NOT VALID,
  ADD CONSTRAINT warehouses_address_is_bounded CHECK (
    length(district) <= 200 AND length(line1) <= 200 AND length(postcode) <= 200 AND length(contact_name) <= 200
    AND length(phone) <= 200) NOT VALID;

CREATE OR REPLACE TRIGGER warehouse_audited AFTER INSERT OR UPDATE ON warehouses
  FOR EACH ROW EXECUTE FUNCTION audit_row('warehouse', 'code',
    'name country province city district line1 postcode contact_name phone priority is_default active');

-- An inactive warehouse reserves nothing and receives nothing; what it has can be shipped, counted and moved.
CREATE FUNCTION require_active_warehouse() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM warehouses w WHERE w.code = NEW.warehouse AND NOT w.active) THEN
    IF NEW.kind = 'reserve' THEN
      RAISE EXCEPTION 'stock_short' USING ERRCODE = 'OM001', DETAIL = NEW.sku || ' at ' || NEW.warehouse;
    END IF;
    RAISE EXCEPTION 'the warehouse % is inactive', NEW.warehouse USING ERRCODE = 'OM191';
  END IF;
  RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION require_active_warehouse() FROM PUBLIC;
CREATE TRIGGER stock_movement_needs_active_warehouse BEFORE INSERT ON stock_movements
  FOR EACH ROW WHEN (NEW.kind IN ('receipt', 'reserve', 'transfer_in')) EXECUTE FUNCTION require_active_warehouse();

CREATE OR REPLACE FUNCTION fits_somewhere(wanted_by text)
  RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT EXISTS (SELECT FROM warehouses w WHERE w.active AND NOT EXISTS (
    SELECT FROM order_lines l WHERE l.order_no = wanted_by AND l.quantity > l.cancelled_quantity GROUP BY l.sku
    HAVING sum(l.quantity - l.cancelled_quantity) > coalesce((
             SELECT s.available FROM stock_levels s WHERE s.sku = l.sku AND s.warehouse = w.code), 0)))
$$;

GRANT INSERT (district, line1, postcode, contact_name, phone),
      UPDATE (district, line1, postcode, contact_name, phone, active) ON warehouses TO oms_app;
