-- Catalogue
-- Written by `python -m infra.db.schema write`, not edited: docs/schema.md. It runs after files.sql.

-- What the shop sells, with its price in minor units of the currency.
CREATE TABLE products (
  sku         text PRIMARY KEY CHECK (length(sku) BETWEEN 1 AND 64),
  name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  price_minor bigint NOT NULL CHECK (price_minor >= 0 AND price_minor <= '1000000000000'::bigint),
  currency    char(3) NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  active      boolean NOT NULL DEFAULT true,
  weight_g    integer NOT NULL DEFAULT 500 CHECK (weight_g > 0),
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX products_sku_any_case ON products (lower(sku));

CREATE TRIGGER product_audited AFTER INSERT OR UPDATE ON products
  FOR EACH ROW EXECUTE FUNCTION audit_row('product', 'sku', 'name price_minor currency active weight_g');

-- Rights

GRANT SELECT ON products TO oms_app;
GRANT INSERT (active, currency, name, price_minor, sku, weight_g) ON products TO oms_app;
