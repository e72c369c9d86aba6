-- Stock: locations within a warehouse
-- Written by `python -m infra.db.schema write`, not edited: docs/schema.md. It runs after webhooks.sql.

-- Places within a warehouse. What is not placed is in the default location, which has no row.
CREATE TABLE locations (
  warehouse text NOT NULL REFERENCES warehouses (code),
  code      text NOT NULL,
  zone      text NOT NULL DEFAULT '',
  sequence  integer NOT NULL DEFAULT 0,
  name      text NOT NULL DEFAULT '',  -- for people; the code stays, because movements name it
  active    boolean NOT NULL DEFAULT true,  -- a closed one has no units and takes nothing new
  CONSTRAINT locations_pkey PRIMARY KEY (warehouse, code),
  CONSTRAINT locations_code CHECK (length(code) BETWEEN 1 AND 32),
  CONSTRAINT locations_zone CHECK (length(zone) <= 32),
  CONSTRAINT locations_sequence CHECK (sequence BETWEEN 0 AND 1000000)
);
ALTER TABLE locations ADD CONSTRAINT locations_name CHECK (length(name) <= 64) NOT VALID;
CREATE INDEX locations_walk ON locations (warehouse, sequence, code);

CREATE TRIGGER location_audited AFTER INSERT OR UPDATE ON locations
  FOR EACH ROW EXECUTE FUNCTION audit_row('location', 'code', 'warehouse name zone sequence active');

-- Refuses to close a location with units.
CREATE FUNCTION guard_location() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM location_levels l
              WHERE l.warehouse = NEW.warehouse AND l.location = NEW.code AND l.on_hand > 0) THEN
    RAISE EXCEPTION 'units are at the location' USING ERRCODE = 'OM003';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER location_guard BEFORE UPDATE ON locations
  FOR EACH ROW WHEN (OLD.active AND NOT NEW.active) EXECUTE FUNCTION guard_location();

-- How many units of a product a location has. Changed by location_movements only.
CREATE TABLE location_levels (
  sku       text NOT NULL REFERENCES products,
  warehouse text NOT NULL,
  location  text NOT NULL,
  on_hand   bigint NOT NULL CHECK (on_hand >= 0),
  CONSTRAINT location_levels_pkey PRIMARY KEY (warehouse, sku, location),
  CONSTRAINT location_levels_warehouse_location_fkey FOREIGN KEY (warehouse, location) REFERENCES locations (warehouse,
      code)
);

-- Every change of a location's level. Append-only; levels equal the sum of their movements.
CREATE TABLE location_movements (
  movement_no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind        text NOT NULL CHECK (kind IN ('moved', 'counted', 'taken')),
  sku         text NOT NULL,
  warehouse   text NOT NULL,
  location    text NOT NULL,
  delta       bigint NOT NULL CHECK (delta <> 0),
  reference   text,
  actor       text NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT location_taken_falls CHECK (kind <> 'taken' OR delta < 0)
);
CREATE INDEX location_movements_place ON location_movements (warehouse, sku, location);

-- Applies a movement to its location, and to what is placed in the warehouse.
CREATE FUNCTION apply_location_movement()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF NEW.kind <> 'taken' THEN
    UPDATE stock_levels SET placed = placed + NEW.delta WHERE sku = NEW.sku AND warehouse = NEW.warehouse;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'nothing of this SKU is in the warehouse' USING ERRCODE = 'OM001';
    END IF;
  END IF;
  INSERT INTO location_levels (sku, warehouse, location, on_hand) VALUES (NEW.sku, NEW.warehouse, NEW.location, 0)
  ON CONFLICT DO NOTHING;
  UPDATE location_levels SET on_hand = on_hand + NEW.delta
   WHERE sku = NEW.sku AND warehouse = NEW.warehouse AND location = NEW.location;
  RETURN NULL;
END $$;

CREATE TRIGGER location_movement_applies AFTER INSERT ON location_movements
  FOR EACH ROW EXECUTE FUNCTION apply_location_movement();

-- Refuses units at a closed location.
CREATE FUNCTION guard_location_movement()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM FROM locations l WHERE l.warehouse = NEW.warehouse AND l.code = NEW.location AND l.active FOR SHARE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the location is closed' USING ERRCODE = 'OM003';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER location_movement_guard BEFORE INSERT ON location_movements
  FOR EACH ROW WHEN (NEW.delta > 0) EXECUTE FUNCTION guard_location_movement();

CREATE TRIGGER location_movements_append_only BEFORE DELETE OR UPDATE ON location_movements
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

-- Takes units from the locations in walking order, where the warehouse has less than was placed.
CREATE FUNCTION take_from_locations(of_sku text, at_warehouse text, units bigint)
  RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  INSERT INTO location_movements (kind, sku, warehouse, location, delta, actor)
  SELECT 'taken', of_sku, at_warehouse, w.location, -least(w.on_hand, units - w.before), current_actor()
    FROM (SELECT l.location, l.on_hand, sum(l.on_hand) OVER (ORDER BY p.sequence, p.code) - l.on_hand AS before
            FROM location_levels l JOIN locations p ON p.warehouse = l.warehouse AND p.code = l.location
           WHERE l.sku = of_sku AND l.warehouse = at_warehouse AND l.on_hand > 0) w
   WHERE w.before < units
$$;

-- Rights

GRANT SELECT ON location_levels, location_movements, locations TO oms_app;
GRANT INSERT (actor, delta, kind, location, reference, sku, warehouse) ON location_movements TO oms_app;
GRANT INSERT (code, name, sequence, warehouse, zone) ON locations TO oms_app;
GRANT UPDATE (active, name, sequence, zone) ON locations TO oms_app;
REVOKE EXECUTE ON FUNCTION apply_location_movement(), guard_location(), guard_location_movement(),
  take_from_locations(text, text, bigint) FROM PUBLIC;
