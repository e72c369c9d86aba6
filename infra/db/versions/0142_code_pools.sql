-- The codes of virtual products, each encrypted under the key of its product's pool. The digest, made with the same key,
-- tells duplicates apart; without the key it tells nothing of the code.
CREATE TABLE code_pools (
  sku      text PRIMARY KEY REFERENCES products (sku),
  data_key bytea NOT NULL
);
CREATE TRIGGER data_key_known BEFORE INSERT OR UPDATE OF data_key ON code_pools FOR EACH ROW
  WHEN (NEW.data_key IS NOT NULL) EXECUTE FUNCTION guard_data_key();

CREATE TABLE code_uploads (
  upload_id  text PRIMARY KEY,
  sku        text NOT NULL REFERENCES code_pools (sku),
  added      integer NOT NULL CHECK (added >= 0),
  duplicates integer NOT NULL CHECK (duplicates >= 0),
  added_by   text NOT NULL,
  added_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX code_uploads_newest ON code_uploads (sku, added_at DESC, upload_id DESC);
CREATE TRIGGER code_upload_audited AFTER INSERT ON code_uploads
  FOR EACH ROW EXECUTE FUNCTION audit_row('codes', 'sku', 'upload_id added duplicates');

CREATE TABLE product_codes (
  code_id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  sku            text NOT NULL REFERENCES code_pools (sku),
  upload_id      text NOT NULL REFERENCES code_uploads (upload_id),
  digest         bytea NOT NULL CHECK (length(digest) = 32),
  code_enc       bytea NOT NULL,
  order_no       text,
  fulfilment_no  integer,
  line_no        integer,
  unit           bigint CHECK (unit > 0),
  issued_at      timestamptz,
  CONSTRAINT product_codes_once UNIQUE (sku, digest),
  CONSTRAINT product_codes_unit UNIQUE (order_no, line_no, unit),
  CONSTRAINT product_codes_issued CHECK (num_nonnulls(order_no, fulfilment_no, line_no, unit, issued_at) IN (0, 5)),
  CONSTRAINT product_codes_line FOREIGN KEY (order_no, fulfilment_no, line_no)
    REFERENCES fulfilment_lines (order_no, number, line_no)
);
CREATE INDEX product_codes_free ON product_codes (sku, code_id) WHERE order_no IS NULL;
CREATE INDEX product_codes_issued_of ON product_codes (sku) WHERE order_no IS NOT NULL;

-- A code goes to one unit of a paid order that has its product, and stays there.
CREATE FUNCTION guard_issued_code() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF OLD.order_no IS NOT NULL THEN
    RAISE EXCEPTION 'an issued code stays with its order' USING ERRCODE = 'OM210';
  END IF;
  IF NOT EXISTS (SELECT FROM fulfilment_lines f
                   JOIN order_lines l ON l.order_no = f.order_no AND l.line_no = f.line_no
                   JOIN orders o ON o.order_no = f.order_no
                  WHERE f.order_no = NEW.order_no AND f.number = NEW.fulfilment_no AND f.line_no = NEW.line_no
                    AND l.sku = NEW.sku AND NEW.unit <= f.quantity AND o.cancelling IS NULL
                    AND o.status IN ('paid', 'preparing', 'shipped')) THEN
    RAISE EXCEPTION 'codes go to units of their product in paid orders' USING ERRCODE = 'OM211';
  END IF;
  RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION guard_issued_code() FROM PUBLIC;
CREATE TRIGGER issued_code_kept BEFORE UPDATE ON product_codes
  FOR EACH ROW EXECUTE FUNCTION guard_issued_code();

-- No code leaves its pool but by being issued.
CREATE FUNCTION keep_codes() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'codes are not deleted' USING ERRCODE = 'OM212';
END $$;
REVOKE EXECUTE ON FUNCTION keep_codes() FROM PUBLIC;
CREATE TRIGGER codes_kept BEFORE DELETE ON product_codes FOR EACH ROW EXECUTE FUNCTION keep_codes();

-- Staff who read the codes of an order.
CREATE TABLE code_readings (
  order_no text NOT NULL REFERENCES orders,
  read_by  text NOT NULL,
  read_at  timestamptz NOT NULL DEFAULT now()
);
CREATE FUNCTION audit_code_reading() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  INSERT INTO audit_log (actor, action, order_no) VALUES (NEW.read_by, 'codes_read', NEW.order_no);
  RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION audit_code_reading() FROM PUBLIC;
CREATE TRIGGER code_reading_audited AFTER INSERT ON code_readings
  FOR EACH ROW EXECUTE FUNCTION audit_code_reading();

GRANT SELECT ON code_pools, code_uploads, product_codes, code_readings TO oms_app;
GRANT INSERT (sku, data_key) ON code_pools TO oms_app;
GRANT INSERT (upload_id, sku, added, duplicates, added_by) ON code_uploads TO oms_app;
GRANT INSERT (sku, upload_id, digest, code_enc) ON product_codes TO oms_app;
GRANT UPDATE (order_no, fulfilment_no, line_no, unit, issued_at) ON product_codes TO oms_app;
GRANT INSERT (order_no, read_by) ON code_readings TO oms_app;
