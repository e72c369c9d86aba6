-- Stock: demand, and how it is replenished
-- Written by `python -m infra.db.schema write`, not edited: docs/schema.md. It runs after stock_transfers.sql.

-- Units that were ordered of a product, at the warehouse that ships them or would ship them, by day (UTC). No row:
-- none.
CREATE TABLE stock_demand (
  sku       text NOT NULL,
  warehouse text NOT NULL,
  day       date NOT NULL,
  units     bigint NOT NULL CHECK (units > 0),
  CONSTRAINT stock_demand_pkey PRIMARY KEY (sku, warehouse, day)
);

-- The days that are counted.
CREATE TABLE stock_demand_days (
  day        date PRIMARY KEY,
  counted_at timestamptz NOT NULL DEFAULT now()
);

-- From when to when a warehouse had nothing to sell of a product.
CREATE TABLE stock_outs (
  sku       text NOT NULL,
  warehouse text NOT NULL,
  first_day date NOT NULL,
  last_day  date NOT NULL,
  CONSTRAINT stock_outs_pkey PRIMARY KEY (sku, warehouse, first_day),
  CONSTRAINT stock_outs_in_order CHECK (last_day >= first_day)
);

-- How products are replenished. The rule that names a product and a warehouse goes before one that names less.
CREATE TABLE replenishment_rules (
  rule_id                  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  sku                      text REFERENCES products,  -- NULL: every product
  warehouse                text REFERENCES warehouses (code),  -- NULL: every warehouse
  supplier                 text NOT NULL DEFAULT '',
  service_level            float8 NOT NULL,
  lead_time_days           float8 NOT NULL,
  lead_time_deviation_days float8 NOT NULL,
  review_days              integer NOT NULL,
  pack_size                integer NOT NULL,
  min_order                integer NOT NULL,
  order_cost_minor         bigint,
  holding_cost_minor       bigint,  -- of a unit that lies for a year
  window_days              integer NOT NULL,
  automatic                boolean NOT NULL,
  updated_by               text NOT NULL,
  updated_at               timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT replenishment_rules_once UNIQUE NULLS NOT DISTINCT (sku, warehouse),
  CONSTRAINT replenishment_rule_supplier CHECK (length(supplier) <= 200 AND (supplier <> '' OR NOT automatic)),
  CONSTRAINT replenishment_rule_service CHECK (service_level >= 0.5::double precision
      AND service_level <= 0.9999::double precision),
  CONSTRAINT replenishment_rule_times CHECK (lead_time_days >= 0::double precision
      AND lead_time_days <= 365::double precision AND lead_time_deviation_days >= 0::double precision
      AND lead_time_deviation_days <= 365::double precision AND review_days >= 0 AND review_days <= 365
      AND window_days >= 7 AND window_days <= 365),
  CONSTRAINT replenishment_rule_units CHECK (pack_size >= 1 AND pack_size <= 1000000 AND min_order >= 1
      AND min_order <= 1000000),
  CONSTRAINT replenishment_rule_costs CHECK (order_cost_minor >= 1 AND order_cost_minor <= '1000000000000'::bigint
      AND holding_cost_minor >= 1 AND holding_cost_minor <= '1000000000000'::bigint)
);

CREATE TRIGGER replenishment_rule_audited AFTER INSERT OR DELETE OR UPDATE ON replenishment_rules
  FOR EACH ROW
  EXECUTE FUNCTION audit_row('replenishment_rule', 'rule_id',
    'sku warehouse supplier service_level lead_time_days lead_time_deviation_days review_days pack_size min_order order_cost_minor holding_cost_minor window_days automatic');

-- Calculations of all suggestions; one is open at most, and goes on where it stopped.
CREATE TABLE replenishment_runs (
  run_id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  requested_by    text NOT NULL,
  requested_at    timestamptz NOT NULL DEFAULT now(),
  until_day       date NOT NULL,  -- demand until the day before is looked at
  after_sku       text NOT NULL DEFAULT '',  -- how far it is, with after_warehouse
  after_warehouse text NOT NULL DEFAULT '',
  pairs           bigint NOT NULL DEFAULT 0,
  suggested       bigint NOT NULL DEFAULT 0,
  calculated_at   timestamptz,
  finished_at     timestamptz
);
CREATE UNIQUE INDEX replenishment_runs_one_open ON replenishment_runs ((true)) WHERE finished_at IS NULL;

-- What the newest run found for each product and warehouse; quantity 0: nothing is to be ordered.
CREATE TABLE replenishment_suggestions (
  sku                      text NOT NULL,
  warehouse                text NOT NULL,
  run_id                   bigint NOT NULL REFERENCES replenishment_runs,
  computed_at              timestamptz NOT NULL DEFAULT now(),
  supplier                 text NOT NULL,
  service_level            float8 NOT NULL,
  lead_time_days           float8 NOT NULL,
  lead_time_deviation_days float8 NOT NULL,
  review_days              integer NOT NULL,
  automatic                boolean NOT NULL,
  demand_per_day           float8 NOT NULL,
  deviation                float8 NOT NULL,
  pattern                  text NOT NULL,
  demand_days              integer NOT NULL,
  safety_stock             bigint NOT NULL,
  reorder_point            bigint NOT NULL,
  lot                      bigint NOT NULL,  -- the fewest units that are ordered
  pack_size                integer NOT NULL,
  on_hand                  bigint NOT NULL,
  reserved                 bigint NOT NULL,
  kept_back                bigint NOT NULL,  -- safety stock of the level: never sold
  incoming                 bigint NOT NULL,
  waiting                  bigint NOT NULL,  -- units of orders that wait for stock
  quantity                 bigint NOT NULL CHECK (quantity >= 0),
  purchase_order           text REFERENCES purchase_orders (number),  -- the one that it became
  CONSTRAINT replenishment_suggestions_pkey PRIMARY KEY (sku, warehouse)
);
CREATE INDEX replenishment_suggestions_due ON replenishment_suggestions (sku, warehouse) WHERE quantity > 0
  AND purchase_order IS NULL;

-- The active warehouse that would ship a product if all had it: one that keeps it, then the nearest, then priority.
CREATE FUNCTION preferred_warehouse(of_sku text, to_country text, to_province text, to_city text)
  RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT w.code FROM warehouses w LEFT JOIN stock_levels l ON l.sku = of_sku AND l.warehouse = w.code
   WHERE w.active
   ORDER BY l.sku IS NULL, w.country <> to_country,
            (w.country, w.province) <> (to_country, to_province),
            (w.country, w.province, w.city) <> (to_country, to_province, to_city), w.priority, w.code LIMIT 1
$$;

-- Rights

GRANT SELECT ON replenishment_rules, replenishment_runs, replenishment_suggestions, stock_demand, stock_demand_days,
  stock_outs TO oms_app;
GRANT DELETE ON replenishment_rules TO oms_app;
GRANT INSERT (automatic, holding_cost_minor, lead_time_days, lead_time_deviation_days, min_order, order_cost_minor,
  pack_size, review_days, service_level, sku, supplier, updated_by, warehouse, window_days) ON replenishment_rules
  TO oms_app;
GRANT UPDATE (automatic, holding_cost_minor, lead_time_days, lead_time_deviation_days, min_order, order_cost_minor,
  pack_size, review_days, service_level, supplier, updated_at, updated_by, window_days) ON replenishment_rules
  TO oms_app;
GRANT INSERT (requested_by, until_day) ON replenishment_runs TO oms_app;
GRANT UPDATE (after_sku, after_warehouse, calculated_at, finished_at, pairs, suggested) ON replenishment_runs
  TO oms_app;
GRANT INSERT (automatic, demand_days, demand_per_day, deviation, incoming, kept_back, lead_time_days,
  lead_time_deviation_days, lot, on_hand, pack_size, pattern, quantity, reorder_point, reserved, review_days, run_id,
  safety_stock, service_level, sku, supplier, waiting, warehouse) ON replenishment_suggestions TO oms_app;
GRANT UPDATE (automatic, computed_at, demand_days, demand_per_day, deviation, incoming, kept_back, lead_time_days,
  lead_time_deviation_days, lot, on_hand, pack_size, pattern, purchase_order, quantity, reorder_point, reserved,
  review_days, run_id, safety_stock, service_level, supplier, waiting) ON replenishment_suggestions TO oms_app;
GRANT INSERT (day, sku, units, warehouse) ON stock_demand TO oms_app;
GRANT UPDATE (units) ON stock_demand TO oms_app;
GRANT INSERT (day) ON stock_demand_days TO oms_app;
GRANT INSERT (first_day, last_day, sku, warehouse) ON stock_outs TO oms_app;
GRANT UPDATE (last_day) ON stock_outs TO oms_app;
REVOKE EXECUTE ON FUNCTION preferred_warehouse(text, text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION preferred_warehouse(text, text, text, text) TO oms_app;
