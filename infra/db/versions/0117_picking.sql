-- What pickers took for a fulfilment, each scan once; a negative quantity was put back.
CREATE TABLE picks (
  pick_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  scan_id    text NOT NULL,
  order_no   text NOT NULL,
  number     integer NOT NULL,
  line_no    integer NOT NULL,
  quantity   bigint NOT NULL,
  location   text,
  picked_by  text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  FOREIGN KEY (order_no, number) REFERENCES fulfilments (order_no, number),
  CONSTRAINT picks_scan_once UNIQUE (scan_id),
  CONSTRAINT picks_scan_id CHECK (length(scan_id) BETWEEN 1 AND 128),
  CONSTRAINT picks_quantity CHECK (quantity <> 0)
);
CREATE INDEX picks_of_line ON picks (order_no, number, line_no);
CREATE TRIGGER picks_append_only BEFORE DELETE OR UPDATE ON picks FOR EACH ROW EXECUTE FUNCTION forbid_change();
CREATE TRIGGER pick_audited AFTER INSERT ON picks
  FOR EACH ROW EXECUTE FUNCTION audit_row('pick', 'order_no', 'number line_no quantity location');

-- The sum of a line's picks: never more than its quantity.
ALTER TABLE fulfilment_lines ADD COLUMN picked bigint NOT NULL DEFAULT 0;
ALTER TABLE fulfilment_lines ADD CONSTRAINT fulfilment_lines_picked CHECK (picked BETWEEN 0 AND quantity) NOT VALID;
CREATE FUNCTION apply_pick() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE fulfilment_lines SET picked = picked + NEW.quantity
   WHERE order_no = NEW.order_no AND number = NEW.number AND line_no = NEW.line_no;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the fulfilment has no such line' USING ERRCODE = 'OM003';
  END IF;
  RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION apply_pick() FROM PUBLIC;
CREATE TRIGGER pick_applies AFTER INSERT ON picks FOR EACH ROW EXECUTE FUNCTION apply_pick();

-- Units that were not found. `sourced_number`: the fulfilment that sends them instead; without one, a case is open.
CREATE TABLE short_picks (
  short_pick_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  order_no       text NOT NULL,
  number         integer NOT NULL,
  line_no        integer NOT NULL,
  quantity       bigint NOT NULL CHECK (quantity > 0),
  sourced_number integer,
  reported_by    text NOT NULL,
  created_at     timestamptz NOT NULL DEFAULT now(),
  FOREIGN KEY (order_no, number) REFERENCES fulfilments (order_no, number)
);
CREATE INDEX short_picks_of_line ON short_picks (order_no, number, line_no);
CREATE TRIGGER short_picks_append_only BEFORE DELETE OR UPDATE ON short_picks
  FOR EACH ROW EXECUTE FUNCTION forbid_change();
CREATE TRIGGER short_pick_audited AFTER INSERT ON short_picks
  FOR EACH ROW EXECUTE FUNCTION audit_row('short_pick', 'order_no', 'number line_no quantity sourced_number');

-- A line loses units that another fulfilment sends; a fulfilment without lines is cancelled.
CREATE FUNCTION shorten_fulfilment_line(of_order text, of_number integer, of_line integer, units bigint) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE fulfilment_lines SET quantity = quantity - units
   WHERE order_no = of_order AND number = of_number AND line_no = of_line AND quantity > units;
  IF NOT FOUND THEN
    DELETE FROM fulfilment_lines
     WHERE order_no = of_order AND number = of_number AND line_no = of_line AND quantity = units AND picked = 0;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'the line has fewer units that are not picked' USING ERRCODE = 'OM003';
    END IF;
  END IF;
  IF NOT EXISTS (SELECT FROM fulfilment_lines WHERE order_no = of_order AND number = of_number) THEN
    UPDATE fulfilments SET status = 'cancelled', updated_at = now() WHERE order_no = of_order AND number = of_number;
  END IF;
END $$;
REVOKE EXECUTE ON FUNCTION shorten_fulfilment_line(text, integer, integer, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION shorten_fulfilment_line(text, integer, integer, bigint) TO oms_app;

-- A parcel that is packed, and one that was handed over to the carrier: each once.
CREATE TABLE parcel_packings (
  shipment_id text PRIMARY KEY REFERENCES shipments,
  weight_g    integer CHECK (weight_g BETWEEN 1 AND 9999999),
  box         text CHECK (length(box) <= 32),
  packed_by   text NOT NULL,
  packed_at   timestamptz NOT NULL DEFAULT now()
);
CREATE TRIGGER parcel_packings_append_only BEFORE DELETE OR UPDATE ON parcel_packings
  FOR EACH ROW EXECUTE FUNCTION forbid_change();
CREATE TRIGGER parcel_packing_audited AFTER INSERT ON parcel_packings
  FOR EACH ROW EXECUTE FUNCTION audit_row('parcel_packing', 'shipment_id', 'weight_g box');
CREATE TABLE parcel_handovers (
  shipment_id text PRIMARY KEY REFERENCES shipments,
  manifest_id text,
  handed_by   text NOT NULL,
  handed_at   timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT parcel_handovers_manifest CHECK (length(manifest_id) BETWEEN 1 AND 40)
);
CREATE INDEX parcel_handovers_manifests ON parcel_handovers (manifest_id, handed_at) WHERE manifest_id IS NOT NULL;
CREATE TRIGGER parcel_handovers_append_only BEFORE DELETE OR UPDATE ON parcel_handovers
  FOR EACH ROW EXECUTE FUNCTION forbid_change();
CREATE TRIGGER parcel_handover_audited AFTER INSERT ON parcel_handovers
  FOR EACH ROW EXECUTE FUNCTION audit_row('parcel_handover', 'shipment_id', 'manifest_id');

GRANT SELECT ON parcel_handovers, parcel_packings, picks, short_picks TO oms_app;
GRANT INSERT (line_no, location, number, order_no, picked_by, quantity, scan_id) ON picks TO oms_app;
GRANT INSERT (line_no, number, order_no, quantity, reported_by, sourced_number) ON short_picks TO oms_app;
GRANT INSERT (box, packed_by, shipment_id, weight_g) ON parcel_packings TO oms_app;
GRANT INSERT (handed_by, manifest_id, shipment_id) ON parcel_handovers TO oms_app;
