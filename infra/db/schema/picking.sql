-- Picking: picks, short picks, packed and handed over parcels
-- Written by `python -m infra.db.schema write`, not edited: docs/schema.md. It runs after shipping.sql.

-- What pickers took of which line, each scan once; negative quantities were put back. Append-only.
CREATE TABLE picks (
  pick_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  scan_id    text NOT NULL,  -- given by the scanner; the same one counts once
  order_no   text NOT NULL,
  number     integer NOT NULL,
  line_no    integer NOT NULL,
  quantity   bigint NOT NULL,
  location   text,
  picked_by  text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT picks_scan_once UNIQUE (scan_id),
  CONSTRAINT picks_order_no_number_fkey FOREIGN KEY (order_no, number) REFERENCES fulfilments (order_no, number),
  CONSTRAINT picks_scan_id CHECK (length(scan_id) BETWEEN 1 AND 128),
  CONSTRAINT picks_quantity CHECK (quantity <> 0)
);
CREATE INDEX picks_of_line ON picks (order_no, number, line_no);

-- Counts a pick on its line.
CREATE FUNCTION apply_pick()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE fulfilment_lines SET picked = picked + NEW.quantity
   WHERE order_no = NEW.order_no AND number = NEW.number AND line_no = NEW.line_no;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the fulfilment has no such line' USING ERRCODE = 'OM003';
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER pick_applies AFTER INSERT ON picks FOR EACH ROW EXECUTE FUNCTION apply_pick();

CREATE TRIGGER pick_audited AFTER INSERT ON picks
  FOR EACH ROW EXECUTE FUNCTION audit_row('pick', 'order_no', 'number line_no quantity location');

CREATE TRIGGER picks_append_only BEFORE DELETE OR UPDATE ON picks FOR EACH ROW EXECUTE FUNCTION forbid_change();

-- Units that pickers did not find. Append-only.
CREATE TABLE short_picks (
  short_pick_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  order_no       text NOT NULL,
  number         integer NOT NULL,
  line_no        integer NOT NULL,
  quantity       bigint NOT NULL CHECK (quantity > 0),
  sourced_number integer,  -- number of the fulfilment that sends them instead; NULL: a stock case is open
  reported_by    text NOT NULL,
  created_at     timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT short_picks_order_no_number_fkey FOREIGN KEY (order_no, number) REFERENCES fulfilments (order_no, number)
);
CREATE INDEX short_picks_of_line ON short_picks (order_no, number, line_no);

CREATE TRIGGER short_pick_audited AFTER INSERT ON short_picks
  FOR EACH ROW EXECUTE FUNCTION audit_row('short_pick', 'order_no', 'number line_no quantity sourced_number');

CREATE TRIGGER short_picks_append_only BEFORE DELETE OR UPDATE ON short_picks
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

-- Weight and box of a packed parcel.
CREATE TABLE parcel_packings (
  shipment_id text PRIMARY KEY REFERENCES shipments,
  weight_g    integer CHECK (weight_g BETWEEN 1 AND 9999999),
  box         text CHECK (length(box) <= 32),
  packed_by   text NOT NULL,
  packed_at   timestamptz NOT NULL DEFAULT now()
);

CREATE TRIGGER parcel_packing_audited AFTER INSERT ON parcel_packings
  FOR EACH ROW EXECUTE FUNCTION audit_row('parcel_packing', 'shipment_id', 'weight_g box');

CREATE TRIGGER parcel_packings_append_only BEFORE DELETE OR UPDATE ON parcel_packings
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

-- Parcels that were handed over to the carrier.
CREATE TABLE parcel_handovers (
  shipment_id text PRIMARY KEY REFERENCES shipments,
  manifest_id text,  -- parcels of one manifest leave together
  handed_by   text NOT NULL,
  handed_at   timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT parcel_handovers_manifest CHECK (length(manifest_id) BETWEEN 1 AND 40)
);
CREATE INDEX parcel_handovers_manifests ON parcel_handovers (manifest_id, handed_at) WHERE manifest_id IS NOT NULL;

CREATE TRIGGER parcel_handover_audited AFTER INSERT ON parcel_handovers
  FOR EACH ROW EXECUTE FUNCTION audit_row('parcel_handover', 'shipment_id', 'manifest_id');

CREATE TRIGGER parcel_handovers_append_only BEFORE DELETE OR UPDATE ON parcel_handovers
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

-- Rights

GRANT SELECT ON parcel_handovers, parcel_packings, picks, short_picks TO oms_app;
GRANT INSERT (handed_by, manifest_id, shipment_id) ON parcel_handovers TO oms_app;
GRANT INSERT (box, packed_by, shipment_id, weight_g) ON parcel_packings TO oms_app;
GRANT INSERT (line_no, location, number, order_no, picked_by, quantity, scan_id) ON picks TO oms_app;
GRANT INSERT (line_no, number, order_no, quantity, reported_by, sourced_number) ON short_picks TO oms_app;
REVOKE EXECUTE ON FUNCTION apply_pick() FROM PUBLIC;
