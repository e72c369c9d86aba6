-- A barcode is of one product in each currency: a scan finds it.
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS products_barcode ON products (barcode, currency)
  WHERE barcode IS NOT NULL;
ALTER TABLE products VALIDATE CONSTRAINT product_names;
ALTER TABLE products VALIDATE CONSTRAINT product_barcode;
ALTER TABLE products VALIDATE CONSTRAINT product_tax_category;
ALTER TABLE products VALIDATE CONSTRAINT product_picture;
