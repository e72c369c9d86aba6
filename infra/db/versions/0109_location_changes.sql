-- A location has a name that changes, while its code stays: movements name it. A closed one takes nothing new.
ALTER TABLE locations
  ADD COLUMN name text NOT NULL DEFAULT '',
  ADD COLUMN active boolean NOT NULL DEFAULT true;
ALTER TABLE locations ADD CONSTRAINT locations_name CHECK (length(name) <= 64) NOT VALID;

CREATE FUNCTION guard_location() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM location_levels l
              WHERE l.warehouse = NEW.warehouse AND l.location = NEW.code AND l.on_hand > 0) THEN
    RAISE EXCEPTION 'units are at the location' USING ERRCODE = 'OM003';
  END IF;
  RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION guard_location() FROM PUBLIC;
CREATE TRIGGER location_guard BEFORE UPDATE ON locations
  FOR EACH ROW WHEN (OLD.active AND NOT NEW.active) EXECUTE FUNCTION guard_location();

-- The lock is that which an update of the location waits for: it is not closed while units arrive.
CREATE FUNCTION guard_location_movement()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM FROM locations l WHERE l.warehouse = NEW.warehouse AND l.code = NEW.location AND l.active FOR SHARE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the location is closed' USING ERRCODE = 'OM003';
  END IF;
  RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION guard_location_movement() FROM PUBLIC;
CREATE TRIGGER location_movement_guard BEFORE INSERT ON location_movements
  FOR EACH ROW WHEN (NEW.delta > 0) EXECUTE FUNCTION guard_location_movement();
DROP TRIGGER location_audited ON locations;
CREATE TRIGGER location_audited AFTER INSERT OR UPDATE ON locations
  FOR EACH ROW EXECUTE FUNCTION audit_row('location', 'code', 'warehouse name zone sequence active');

-- The location that a person named for the units of a movement.
ALTER TABLE stock_movements ADD COLUMN location text;
GRANT INSERT (location) ON stock_movements TO oms_app;
GRANT INSERT (name), UPDATE (active, name) ON locations TO oms_app;
