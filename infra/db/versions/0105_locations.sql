-- Places within a warehouse. What is not placed is in the warehouse's default location, which has no row.
CREATE TABLE locations (
  warehouse text NOT NULL REFERENCES warehouses (code),
  code      text NOT NULL,
  zone      text NOT NULL DEFAULT '',
  sequence  integer NOT NULL DEFAULT 0,
  PRIMARY KEY (warehouse, code),
  CONSTRAINT locations_code CHECK (length(code) BETWEEN 1 AND 32),
  CONSTRAINT locations_zone CHECK (length(zone) <= 32),
  CONSTRAINT locations_sequence CHECK (sequence BETWEEN 0 AND 1000000)
);
CREATE INDEX locations_walk ON locations (warehouse, sequence, code);
CREATE TRIGGER location_audited AFTER INSERT OR UPDATE ON locations
  FOR EACH ROW EXECUTE FUNCTION audit_row('location', 'code', 'warehouse zone sequence');
CREATE TABLE location_levels (
  sku       text NOT NULL REFERENCES products,
  warehouse text NOT NULL,
  location  text NOT NULL,
  on_hand   bigint NOT NULL CHECK (on_hand >= 0),
  PRIMARY KEY (warehouse, sku, location),
  FOREIGN KEY (warehouse, location) REFERENCES locations
);
-- Every change of a location's level. `taken`: the warehouse's level fell below what was placed.
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
CREATE TRIGGER location_movements_append_only BEFORE DELETE OR UPDATE ON location_movements
  FOR EACH ROW EXECUTE FUNCTION forbid_change();
-- The units at all locations: never more than the warehouse has. The rest is in the default location.
ALTER TABLE stock_levels ADD COLUMN placed bigint NOT NULL DEFAULT 0;
ALTER TABLE stock_levels ADD CONSTRAINT stock_placed_within_on_hand CHECK (placed BETWEEN 0 AND on_hand) NOT VALID;

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
REVOKE EXECUTE ON FUNCTION apply_location_movement() FROM PUBLIC;
CREATE TRIGGER location_movement_applies AFTER INSERT ON location_movements
  FOR EACH ROW EXECUTE FUNCTION apply_location_movement();

-- Takes units from the locations in walking order; the level's lock is held.
CREATE FUNCTION take_from_locations(of_sku text, at_warehouse text, units bigint)
  RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  INSERT INTO location_movements (kind, sku, warehouse, location, delta, actor)
  SELECT 'taken', of_sku, at_warehouse, w.location, -least(w.on_hand, units - w.before), current_actor()
    FROM (SELECT l.location, l.on_hand, sum(l.on_hand) OVER (ORDER BY p.sequence, p.code) - l.on_hand AS before
            FROM location_levels l JOIN locations p ON p.warehouse = l.warehouse AND p.code = l.location
           WHERE l.sku = of_sku AND l.warehouse = at_warehouse AND l.on_hand > 0) w
   WHERE w.before < units
$$;
REVOKE EXECUTE ON FUNCTION take_from_locations(text, text, bigint) FROM PUBLIC;

-- Where less is left than was placed, the rest leaves the locations: nobody said from which, so in walking order.
CREATE OR REPLACE FUNCTION guard_stock_level() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF pg_trigger_depth() < 2 AND (
       TG_OP = 'INSERT' AND (NEW.on_hand <> 0 OR NEW.reserved <> 0 OR NEW.quarantined <> 0)
    OR TG_OP = 'UPDATE' AND (NEW.on_hand <> OLD.on_hand OR NEW.reserved <> OLD.reserved
                             OR NEW.quarantined <> OLD.quarantined)) THEN
    RAISE EXCEPTION 'a level moves only through stock_movements' USING ERRCODE = 'OM003';
  END IF;
  IF NEW.placed > NEW.on_hand AND TG_OP = 'UPDATE' AND NEW.on_hand >= 0 AND NEW.placed = OLD.placed THEN
    PERFORM take_from_locations(NEW.sku, NEW.warehouse, NEW.placed - NEW.on_hand);
    NEW.placed := NEW.on_hand;
  END IF;
  RETURN NEW;
END $$;

GRANT SELECT ON location_levels, location_movements, locations TO oms_app;
GRANT INSERT (code, sequence, warehouse, zone) ON locations TO oms_app;
GRANT UPDATE (sequence, zone) ON locations TO oms_app;
GRANT INSERT (actor, delta, kind, location, reference, sku, warehouse) ON location_movements TO oms_app;
