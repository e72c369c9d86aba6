-- Products of before: a thousand at a time.
WITH found AS (
  SELECT p.sku, p.name, p.names, p.active FROM products p
   WHERE NOT EXISTS (SELECT FROM product_search s WHERE s.sku = p.sku)
   ORDER BY p.sku LIMIT 1000 FOR NO KEY UPDATE OF p
)
INSERT INTO product_search (sku, words, languages, active)
SELECT sku, product_words(sku, name, names), product_languages(names), active FROM found
ON CONFLICT (sku) DO NOTHING;
