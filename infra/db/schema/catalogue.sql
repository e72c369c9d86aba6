-- Catalogue
-- Written by `python -m infra.db.schema write`, not edited: docs/schema.md. It runs after files.sql.

-- Products that are imported from a file. A preview that nobody applies is deleted after a day.
CREATE TABLE product_imports (
  import_id   text PRIMARY KEY CHECK (import_id ~ '^imp_[0-9a-f]{32}$'),
  file_name   text NOT NULL CHECK (length(file_name) <= 200),
  encoding    text NOT NULL,
  ignored     text[] NOT NULL DEFAULT '{}'::text[],
  total       integer NOT NULL CHECK (total >= 0),
  state       text NOT NULL DEFAULT 'preview' CHECK (state IN ('preview', 'applying', 'done')),
  created_by  text NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now(),
  applied_by  text,
  origin      text,
  applied_at  timestamptz,
  finished_at timestamptz,
  CONSTRAINT an_applied_import_says_by_whom CHECK ((state = 'preview') = (applied_by IS NULL))
);
CREATE INDEX product_imports_applying ON product_imports (applied_at) WHERE state = 'applying';

CREATE TRIGGER product_import_audited AFTER INSERT OR DELETE OR UPDATE ON product_imports
  FOR EACH ROW EXECUTE FUNCTION audit_row('product_import', 'import_id', 'file_name state');

-- What each row of an imported file would do, and what it did.
CREATE TABLE product_import_rows (
  import_id text NOT NULL REFERENCES product_imports ON DELETE CASCADE,
  line      integer NOT NULL CHECK (line > 0),
  sku       text NOT NULL,
  outcome   text NOT NULL CHECK (outcome IN ('create', 'change', 'unchanged', 'refused', 'created', 'changed',
      'failed')),
  version   bigint,
  product   jsonb,
  changes   jsonb NOT NULL DEFAULT '{}'::jsonb,
  errors    jsonb NOT NULL DEFAULT '[]'::jsonb,
  CONSTRAINT product_import_rows_pkey PRIMARY KEY (import_id, line)
);
CREATE INDEX product_import_rows_due ON product_import_rows (import_id, line) WHERE outcome IN ('create', 'change');

-- True for an object of names by language.
CREATE FUNCTION are_product_names(names jsonb)
  RETURNS boolean LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT jsonb_typeof(names) = 'object' AND NOT EXISTS (
    SELECT FROM jsonb_each(CASE jsonb_typeof(names) WHEN 'object' THEN names ELSE '{}' END) n
     WHERE n.key !~ '^[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?$' OR jsonb_typeof(n.value) <> 'string'
        OR length(n.value #>> '{}') NOT BETWEEN 1 AND 200)
$$;

-- True for an EAN or UPC whose last digit is its check digit.
CREATE FUNCTION is_gtin(code text)
  RETURNS boolean LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT CASE WHEN code ~ '^([0-9]{8}|[0-9]{12,14})$' THEN
    (SELECT sum(CASE WHEN (length(code) - n) % 2 = 1 THEN 3 ELSE 1 END * substr(code, n, 1)::integer) % 10 = 0
       FROM generate_series(1, length(code)) n) ELSE false END
$$;

-- What the shop sells, with its price in minor units of the currency. Orders keep the names and prices of their time.
CREATE TABLE products (
  sku                   text PRIMARY KEY CHECK (length(sku) BETWEEN 1 AND 64),
  -- for readers of a language that names does not have
  name                  text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  price_minor           bigint NOT NULL CHECK (price_minor >= 0 AND price_minor <= '1000000000000'::bigint),
  currency              char(3) NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  active                boolean NOT NULL DEFAULT true,
  weight_g              integer NOT NULL DEFAULT 500 CHECK (weight_g > 0),
  created_at            timestamptz NOT NULL DEFAULT now(),
  updated_at            timestamptz NOT NULL DEFAULT now(),
  names                 jsonb NOT NULL DEFAULT '{}'::jsonb,  -- by language, as zh or pt-BR
  barcode               text,
  tax_category          text NOT NULL DEFAULT 'standard',
  picture_id            text,
  version               bigint NOT NULL DEFAULT 1,
  category              text,  -- what it belongs to, for strategies of sourcing
  -- physical; virtual: a code or a service; made_to_order: made once it is ordered
  kind                  text NOT NULL DEFAULT 'physical',
  lead_time_days        smallint,  -- from the payment to the parcel, of what is made to order
  -- of virtual products: a code from the pool, or a service that is confirmed
  delivered_by          text NOT NULL DEFAULT 'code',
  confirmed_after_days  smallint,  -- a service counts as performed so long after its payment; NULL: a person confirms
  presale_deposit_minor bigint,  -- of one unit
  presale_balance_due   timestamptz,
  presale_ships_from    timestamptz,
  CONSTRAINT product_picture FOREIGN KEY (picture_id) REFERENCES stored_files (file_id),
  CONSTRAINT product_names CHECK (are_product_names(names)),
  CONSTRAINT product_barcode CHECK (barcode IS NULL OR is_gtin(barcode)),
  CONSTRAINT product_tax_category CHECK (tax_category IN ('standard', 'reduced', 'zero', 'exempt'))
);
ALTER TABLE products ADD CONSTRAINT product_category CHECK (length(category) >= 1 AND length(category) <= 60
  AND category !~ '[[:cntrl:]]') NOT VALID;
ALTER TABLE products ADD CONSTRAINT product_kind CHECK (kind IN ('physical', 'virtual', 'made_to_order')) NOT VALID;
ALTER TABLE products ADD CONSTRAINT product_lead_time CHECK (lead_time_days >= 1 AND lead_time_days <= 365) NOT VALID;
ALTER TABLE products ADD CONSTRAINT product_delivered_by CHECK (delivered_by IN ('code', 'confirmation')) NOT VALID;
ALTER TABLE products ADD CONSTRAINT product_confirmed_after CHECK (confirmed_after_days >= 0
  AND confirmed_after_days <= 365) NOT VALID;
ALTER TABLE products ADD CONSTRAINT product_presale CHECK ((num_nonnulls(presale_deposit_minor, presale_balance_due,
  presale_ships_from) IN (0, 3)) AND presale_deposit_minor > 0 AND presale_deposit_minor < price_minor) NOT VALID;
CREATE UNIQUE INDEX products_barcode ON products (barcode, currency) WHERE barcode IS NOT NULL;
CREATE INDEX products_picture ON products (picture_id) WHERE picture_id IS NOT NULL;
CREATE INDEX products_sku_any_case ON products (lower(sku));

CREATE TRIGGER product_audited AFTER INSERT OR UPDATE ON products
  FOR EACH ROW
  EXECUTE FUNCTION audit_row('product', 'sku',
    'name names price_minor currency active weight_g barcode tax_category category picture_id kind lead_time_days delivered_by confirmed_after_days presale_deposit_minor presale_balance_due presale_ships_from');

-- Writes what the product is found by.
CREATE FUNCTION product_searched()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  INSERT INTO product_search (sku, words, languages, active)
  VALUES (NEW.sku, product_words(NEW.sku, NEW.name, NEW.names), product_languages(NEW.names), NEW.active)
  ON CONFLICT (sku) DO UPDATE
     SET words = EXCLUDED.words, languages = EXCLUDED.languages, active = EXCLUDED.active;
  RETURN NULL;
END $$;

CREATE TRIGGER product_searched AFTER INSERT OR UPDATE OF active, name, names ON products
  FOR EACH ROW EXECUTE FUNCTION product_searched();

-- Orders read how their lines are supplied from the product, so that does not change once it was ordered.
CREATE FUNCTION keep_supply_of_ordered()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM order_lines l WHERE l.sku = NEW.sku) THEN
    RAISE EXCEPTION 'product % was ordered: its kind stays', NEW.sku USING ERRCODE = 'OM193';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER product_supply_kept BEFORE UPDATE OF kind, delivered_by ON products
  FOR EACH ROW WHEN (NEW.kind <> OLD.kind OR NEW.delivered_by <> OLD.delivered_by)
  EXECUTE FUNCTION keep_supply_of_ordered();

-- Counts the changes of a row, so that two people who edit it at once see each other.
CREATE FUNCTION next_version() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  NEW.version := OLD.version + 1;
  NEW.updated_at := now();
  RETURN NEW;
END $$;

CREATE TRIGGER product_versioned BEFORE UPDATE ON products
  FOR EACH ROW WHEN (NEW.* IS DISTINCT FROM OLD.*) EXECUTE FUNCTION next_version();

-- What a search of products reads: one short row of each, written with it.
CREATE TABLE product_search (
  sku       text PRIMARY KEY REFERENCES products ON DELETE CASCADE,
  words     text NOT NULL,  -- in small letters: the SKU and every name, each on its line
  languages text NOT NULL,  -- of its names, in order; few combinations differ, so that all of them are found at once
  active    boolean NOT NULL
);
CREATE INDEX product_search_languages ON product_search (languages);

-- What a product is found by, in small letters: SKU and names, each on its line.
CREATE FUNCTION product_words(sku text, name text, names jsonb)
  RETURNS text LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT lower(sku || E'\n' || name || coalesce(
    E'\n' || (SELECT string_agg(n.value, E'\n' ORDER BY n.key) FROM jsonb_each_text(names) n), ''))
$$;

-- The languages in which a product has a name, in order.
CREATE FUNCTION product_languages(names jsonb)
  RETURNS text LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT coalesce(string_agg(n.lang, ' ' ORDER BY n.lang), '') FROM jsonb_object_keys(names) n(lang)
$$;

-- Rights

GRANT SELECT ON product_import_rows, product_imports, product_search, products TO oms_app;
GRANT DELETE ON product_imports TO oms_app;
GRANT INSERT (changes, errors, import_id, line, outcome, product, sku, version) ON product_import_rows TO oms_app;
GRANT UPDATE (errors, outcome) ON product_import_rows TO oms_app;
GRANT INSERT (created_by, encoding, file_name, ignored, import_id, total) ON product_imports TO oms_app;
GRANT UPDATE (applied_at, applied_by, finished_at, origin, state, total) ON product_imports TO oms_app;
GRANT INSERT (active, barcode, category, confirmed_after_days, currency, delivered_by, kind, lead_time_days, name,
  names, picture_id, presale_balance_due, presale_deposit_minor, presale_ships_from, price_minor, sku, tax_category,
  weight_g) ON products TO oms_app;
GRANT UPDATE (active, barcode, category, confirmed_after_days, delivered_by, kind, lead_time_days, name, names,
  picture_id, presale_balance_due, presale_deposit_minor, presale_ships_from, price_minor, tax_category, weight_g)
  ON products TO oms_app;
REVOKE EXECUTE ON FUNCTION are_product_names(jsonb), is_gtin(text), keep_supply_of_ordered(), next_version(),
  product_languages(jsonb), product_searched(), product_words(text, text, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION are_product_names(jsonb), is_gtin(text) TO oms_app;
