-- Backorders: planned fulfilments, and what customers choose about them
-- Written by `python -m infra.db.schema write`, not edited: docs/schema.md. It runs after freight.sql.

-- A promised date of what an order waits for has slipped: its customer waits on or cancels it. One that was made
-- stands.
CREATE TABLE backorder_choices (
  order_no      text NOT NULL REFERENCES orders,
  slip          integer NOT NULL CHECK (slip BETWEEN 1 AND 1000),  -- how often the date has slipped, from 1
  number        integer,  -- number of the fulfilment that waits; NULL: all of the order
  promised_from timestamptz NOT NULL,
  promised_to   timestamptz NOT NULL,
  decide_by     timestamptz NOT NULL,  -- who has not chosen by then gets the default
  choice        text,
  chosen_by     text,
  chosen_at     timestamptz,
  created_at    timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT backorder_choices_pkey PRIMARY KEY (order_no, slip),
  CONSTRAINT backorder_choices_order_no_number_fkey FOREIGN KEY (order_no, number) REFERENCES fulfilments (order_no,
      number),
  CONSTRAINT backorder_choices_later CHECK (promised_to > promised_from),
  CONSTRAINT backorder_choices_choice CHECK (choice IN ('wait', 'cancel')),
  CONSTRAINT backorder_choices_decided CHECK ((choice IS NULL) = (chosen_by IS NULL)
      AND (choice IS NULL) = (chosen_at IS NULL))
);
CREATE INDEX backorder_choices_due ON backorder_choices (decide_by) WHERE choice IS NULL;
CREATE UNIQUE INDEX backorder_choices_open ON backorder_choices (order_no) WHERE choice IS NULL;

CREATE TRIGGER backorder_choice_audited AFTER UPDATE ON backorder_choices
  FOR EACH ROW EXECUTE FUNCTION audit_row('backorder_choice', 'order_no', 'slip choice chosen_by');

-- A choice that was made stands.
CREATE FUNCTION guard_backorder_choice()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'a choice that was made stands' USING ERRCODE = 'OM003';
END $$;

CREATE TRIGGER backorder_choice_stands BEFORE UPDATE ON backorder_choices
  FOR EACH ROW WHEN (OLD.choice IS NOT NULL) EXECUTE FUNCTION guard_backorder_choice();

CREATE TRIGGER backorder_choices_kept BEFORE DELETE ON backorder_choices FOR EACH ROW EXECUTE FUNCTION forbid_change();

-- Never more of a line ships than was ordered and not cancelled. Of an order that does not ship complete, units that
-- are fulfilled, planned or in a fulfilment that was given up, and those that a change took off, are all that was
-- ordered.
CREATE FUNCTION check_fulfilled_quantity()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE of_order text := CASE TG_OP WHEN 'DELETE' THEN OLD.order_no ELSE NEW.order_no END;
BEGIN
  IF EXISTS (SELECT FROM fulfilments f WHERE f.order_no = of_order AND f.number > 1) AND EXISTS (
       SELECT FROM orders o JOIN order_lines l USING (order_no), LATERAL (
              SELECT coalesce(sum(n.quantity), 0) AS all_units,
                     coalesce(sum(n.quantity) FILTER (WHERE f.status <> 'cancelled'), 0) AS units
                FROM fulfilment_lines n JOIN fulfilments f USING (order_no, number)
               WHERE n.order_no = l.order_no AND n.line_no = l.line_no) parts
        WHERE o.order_no = of_order
          AND CASE WHEN o.ship_complete THEN parts.units > l.quantity - l.cancelled_quantity
                   ELSE parts.all_units <> l.quantity - l.cancelled_quantity END) THEN
    RAISE EXCEPTION 'the fulfilments of a line are not what was ordered of it' USING ERRCODE = 'OM003';
  END IF;
  RETURN NULL;
END $$;

-- A planned fulfilment holds no stock.
CREATE FUNCTION require_no_stock_of_planned()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE of_number integer := CAST(coalesce(to_jsonb(NEW) ->> 'fulfilment_no', to_jsonb(NEW) ->> 'number') AS integer);
BEGIN
  IF EXISTS (SELECT FROM fulfilments f JOIN reservations r ON r.order_no = f.order_no AND r.fulfilment_no = f.number
              WHERE f.order_no = NEW.order_no AND f.number = of_number AND f.status = 'planned'
                AND r.state = 'reserved') THEN
    RAISE EXCEPTION 'a planned fulfilment holds no stock' USING ERRCODE = 'OM003';
  END IF;
  RETURN NULL;
END $$;

-- True where an active warehouse has anything that is left of the order's lines.
CREATE FUNCTION fits_partly(wanted_by text)
  RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT EXISTS (
    SELECT FROM order_lines l JOIN products p USING (sku) JOIN stock_levels s USING (sku)
      JOIN warehouses w ON w.code = s.warehouse
     WHERE l.order_no = wanted_by AND l.quantity > l.cancelled_quantity AND p.kind = 'physical' AND s.available > 0
       AND w.active)
$$;

-- True where all warehouses together have everything that a planned fulfilment waits for.
CREATE FUNCTION part_fits(of_order text, of_number integer)
  RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT NOT EXISTS (
    SELECT FROM fulfilment_lines n JOIN order_lines l USING (order_no, line_no)
     WHERE n.order_no = of_order AND n.number = of_number GROUP BY l.sku
    HAVING sum(n.quantity) > coalesce((
             SELECT sum(s.available) FROM stock_levels s JOIN warehouses w ON w.code = s.warehouse
              WHERE s.sku = l.sku AND w.active), 0))
$$;

-- Of tables in earlier files

CREATE CONSTRAINT TRIGGER line_fulfilled_after_change AFTER UPDATE OF quantity, cancelled_quantity
  ON order_lines DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN ((NEW.quantity - NEW.cancelled_quantity) <> (OLD.quantity - OLD.cancelled_quantity))
  EXECUTE FUNCTION check_fulfilled_quantity();
CREATE CONSTRAINT TRIGGER stock_of_reserved_part AFTER INSERT OR UPDATE OF state
  ON reservations DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.state = 'reserved' AND NEW.fulfilment_no > 1) EXECUTE FUNCTION require_no_stock_of_planned();
CREATE CONSTRAINT TRIGGER planned_without_stock AFTER INSERT OR UPDATE OF status
  ON fulfilments DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.status = 'planned') EXECUTE FUNCTION require_no_stock_of_planned();
CREATE CONSTRAINT TRIGGER fulfilled_after_change AFTER UPDATE OF quantity
  ON fulfilment_lines DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.quantity <> OLD.quantity) EXECUTE FUNCTION check_fulfilled_quantity();
CREATE CONSTRAINT TRIGGER fulfilled_after_removal AFTER DELETE ON fulfilment_lines DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION check_fulfilled_quantity();
CREATE CONSTRAINT TRIGGER fulfilled_within_line AFTER INSERT OR UPDATE ON fulfilment_lines DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.number > 1) EXECUTE FUNCTION check_fulfilled_quantity();

-- Rights

GRANT SELECT ON backorder_choices TO oms_app;
GRANT INSERT (decide_by, number, order_no, promised_from, promised_to, slip) ON backorder_choices TO oms_app;
GRANT UPDATE (choice, chosen_at, chosen_by) ON backorder_choices TO oms_app;
REVOKE EXECUTE ON FUNCTION check_fulfilled_quantity(), fits_partly(text), guard_backorder_choice(), part_fits(text,
  integer), require_no_stock_of_planned() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION fits_partly(text), part_fits(text, integer) TO oms_app;
