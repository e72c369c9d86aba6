-- What a search of products reads: one short row of each in small letters, instead of the product and its names.
CREATE TABLE product_search (
  sku       text PRIMARY KEY REFERENCES products ON DELETE CASCADE,
  words     text NOT NULL,
  languages text NOT NULL,
  active    boolean NOT NULL
);
CREATE INDEX product_search_languages ON product_search (languages);

CREATE FUNCTION product_words(sku text, name text, names jsonb) RETURNS text
  LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT lower(sku || E'\n' || name || coalesce(
    E'\n' || (SELECT string_agg(n.value, E'\n' ORDER BY n.key) FROM jsonb_each_text(names) n), ''))
$$;
CREATE FUNCTION product_languages(names jsonb) RETURNS text
  LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT coalesce(string_agg(n.lang, ' ' ORDER BY n.lang), '') FROM jsonb_object_keys(names) n(lang)
$$;
CREATE FUNCTION product_searched() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  INSERT INTO product_search (sku, words, languages, active)
  VALUES (NEW.sku, product_words(NEW.sku, NEW.name, NEW.names), product_languages(NEW.names), NEW.active)
  ON CONFLICT (sku) DO UPDATE
     SET words = EXCLUDED.words, languages = EXCLUDED.languages, active = EXCLUDED.active;
  RETURN NULL;
END $$;
CREATE TRIGGER product_searched AFTER INSERT OR UPDATE OF active, name, names ON products
  FOR EACH ROW EXECUTE FUNCTION product_searched();

GRANT SELECT ON product_search TO oms_app;
REVOKE EXECUTE ON FUNCTION product_words(text, text, jsonb), product_languages(jsonb), product_searched() FROM PUBLIC;
