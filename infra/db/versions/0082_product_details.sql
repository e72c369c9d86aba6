-- A product says more of itself: names in several languages, a barcode, a tax category, a picture. Products and
-- warehouses can be changed; each change has a new version, by which two people who edit at once see each other.
CREATE FUNCTION is_gtin(code text) RETURNS boolean LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT CASE WHEN code ~ '^([0-9]{8}|[0-9]{12,14})$' THEN
    (SELECT sum(CASE WHEN (length(code) - n) % 2 = 1 THEN 3 ELSE 1 END * substr(code, n, 1)::integer) % 10 = 0
       FROM generate_series(1, length(code)) n) ELSE false END
$$;
CREATE FUNCTION are_product_names(names jsonb) RETURNS boolean
  LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT jsonb_typeof(names) = 'object' AND NOT EXISTS (
    SELECT FROM jsonb_each(CASE jsonb_typeof(names) WHEN 'object' THEN names ELSE '{}' END) n
     WHERE n.key !~ '^[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?$' OR jsonb_typeof(n.value) <> 'string'
        OR length(n.value #>> '{}') NOT BETWEEN 1 AND 200)
$$;
CREATE FUNCTION next_version() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  NEW.version := OLD.version + 1;
  NEW.updated_at := now();
  RETURN NEW;
END $$;

ALTER TABLE products
  ADD COLUMN names jsonb NOT NULL DEFAULT '{}',
  ADD COLUMN barcode text,
  ADD COLUMN tax_category text NOT NULL DEFAULT 'standard',
  ADD COLUMN picture_id text,
  ADD COLUMN version bigint NOT NULL DEFAULT 1,
  ADD CONSTRAINT product_names CHECK (are_product_names(names)) NOT VALID,
  ADD CONSTRAINT product_barcode CHECK (barcode IS NULL OR is_gtin(barcode)) NOT VALID,
  ADD CONSTRAINT product_tax_category CHECK (tax_category IN ('standard', 'reduced', 'zero', 'exempt')) NOT VALID,
  ADD CONSTRAINT product_picture FOREIGN KEY (picture_id) REFERENCES stored_files (file_id) NOT VALID;
CREATE TRIGGER product_versioned BEFORE UPDATE ON products
  FOR EACH ROW WHEN (NEW IS DISTINCT FROM OLD) EXECUTE FUNCTION next_version();
CREATE OR REPLACE TRIGGER product_audited AFTER INSERT OR UPDATE ON products FOR EACH ROW
  EXECUTE FUNCTION audit_row('product', 'sku', 'name names price_minor currency active weight_g barcode tax_category picture_id');

ALTER TABLE warehouses
  ADD COLUMN version bigint NOT NULL DEFAULT 1,
  ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now();
CREATE TRIGGER warehouse_versioned BEFORE UPDATE ON warehouses
  FOR EACH ROW WHEN (NEW IS DISTINCT FROM OLD) EXECUTE FUNCTION next_version();

GRANT INSERT (barcode, names, picture_id, tax_category) ON products TO oms_app;
GRANT UPDATE (active, barcode, name, names, picture_id, price_minor, tax_category, weight_g) ON products TO oms_app;
GRANT UPDATE (city, country, is_default, name, priority, province) ON warehouses TO oms_app;
GRANT UPDATE (safety_stock) ON stock_levels TO oms_app;
REVOKE EXECUTE ON FUNCTION are_product_names(jsonb), is_gtin(text), next_version() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION are_product_names(jsonb), is_gtin(text) TO oms_app;
