-- Units that were ordered, by SKU, warehouse and day (UTC); counted by the relay once the day is over.
CREATE TABLE stock_demand (
  sku       text NOT NULL,
  warehouse text NOT NULL,
  day       date NOT NULL,
  units     bigint NOT NULL CHECK (units > 0),
  PRIMARY KEY (sku, warehouse, day)
);
CREATE TABLE stock_demand_days (
  day        date PRIMARY KEY,
  counted_at timestamptz NOT NULL DEFAULT now()
);
-- When a warehouse had nothing to sell of a product.
CREATE TABLE stock_outs (
  sku       text NOT NULL,
  warehouse text NOT NULL,
  first_day date NOT NULL,
  last_day  date NOT NULL,
  PRIMARY KEY (sku, warehouse, first_day),
  CONSTRAINT stock_outs_in_order CHECK (last_day >= first_day)
);

CREATE FUNCTION preferred_warehouse(of_sku text, to_country text, to_province text, to_city text)
  RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT w.code FROM warehouses w LEFT JOIN stock_levels l ON l.sku = of_sku AND l.warehouse = w.code
   WHERE w.active
   ORDER BY l.sku IS NULL, w.country <> to_country,
            (w.country, w.province) <> (to_country, to_province),
            (w.country, w.province, w.city) <> (to_country, to_province, to_city), w.priority, w.code LIMIT 1
$$;
REVOKE EXECUTE ON FUNCTION preferred_warehouse(text, text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION preferred_warehouse(text, text, text, text) TO oms_app;

CREATE TABLE replenishment_rules (
  rule_id                  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  sku                      text REFERENCES products,
  warehouse                text REFERENCES warehouses (code),
  supplier                 text NOT NULL DEFAULT '',
  service_level            double precision NOT NULL,
  lead_time_days           double precision NOT NULL,
  lead_time_deviation_days double precision NOT NULL,
  review_days              integer NOT NULL,
  pack_size                integer NOT NULL,
  min_order                integer NOT NULL,
  order_cost_minor         bigint,
  holding_cost_minor       bigint,
  window_days              integer NOT NULL,
  automatic                boolean NOT NULL,
  updated_by               text NOT NULL,
  updated_at               timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT replenishment_rules_once UNIQUE NULLS NOT DISTINCT (sku, warehouse),
  CONSTRAINT replenishment_rule_supplier CHECK (length(supplier) <= 200 AND (supplier <> '' OR NOT automatic)),
  CONSTRAINT replenishment_rule_service CHECK (service_level BETWEEN 0.5 AND 0.9999),
  CONSTRAINT replenishment_rule_times CHECK (lead_time_days BETWEEN 0 AND 365
    AND lead_time_deviation_days BETWEEN 0 AND 365 AND review_days BETWEEN 0 AND 365 AND window_days BETWEEN 7 AND 365),
  CONSTRAINT replenishment_rule_units CHECK (pack_size BETWEEN 1 AND 1000000 AND min_order BETWEEN 1 AND 1000000),
  CONSTRAINT replenishment_rule_costs CHECK (order_cost_minor BETWEEN 1 AND 1000000000000
    AND holding_cost_minor BETWEEN 1 AND 1000000000000)
);
CREATE TRIGGER replenishment_rule_audited AFTER INSERT OR UPDATE OR DELETE ON replenishment_rules
  FOR EACH ROW EXECUTE FUNCTION audit_row('replenishment_rule', 'rule_id',
    'sku warehouse supplier service_level lead_time_days lead_time_deviation_days review_days pack_size min_order order_cost_minor holding_cost_minor window_days automatic');

CREATE TABLE replenishment_runs (
  run_id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  requested_by    text NOT NULL,
  requested_at    timestamptz NOT NULL DEFAULT now(),
  until_day       date NOT NULL,
  after_sku       text NOT NULL DEFAULT '',
  after_warehouse text NOT NULL DEFAULT '',
  pairs           bigint NOT NULL DEFAULT 0,
  suggested       bigint NOT NULL DEFAULT 0,
  calculated_at   timestamptz,
  finished_at     timestamptz
);
CREATE UNIQUE INDEX replenishment_runs_one_open ON replenishment_runs ((true)) WHERE finished_at IS NULL;

CREATE TABLE replenishment_suggestions (
  sku                      text NOT NULL,
  warehouse                text NOT NULL,
  run_id                   bigint NOT NULL REFERENCES replenishment_runs,
  computed_at              timestamptz NOT NULL DEFAULT now(),
  supplier                 text NOT NULL,
  service_level            double precision NOT NULL,
  lead_time_days           double precision NOT NULL,
  lead_time_deviation_days double precision NOT NULL,
  review_days              integer NOT NULL,
  automatic                boolean NOT NULL,
  demand_per_day           double precision NOT NULL,
  deviation                double precision NOT NULL,
  pattern                  text NOT NULL,
  demand_days              integer NOT NULL,
  safety_stock             bigint NOT NULL,
  reorder_point            bigint NOT NULL,
  lot                      bigint NOT NULL,
  pack_size                integer NOT NULL,
  on_hand                  bigint NOT NULL,
  reserved                 bigint NOT NULL,
  kept_back                bigint NOT NULL,
  incoming                 bigint NOT NULL,
  waiting                  bigint NOT NULL,
  quantity                 bigint NOT NULL CHECK (quantity >= 0),
  purchase_order           text REFERENCES purchase_orders,
  PRIMARY KEY (sku, warehouse)
);
CREATE INDEX replenishment_suggestions_due ON replenishment_suggestions (sku, warehouse)
  WHERE quantity > 0 AND purchase_order IS NULL;

GRANT SELECT ON stock_demand, stock_demand_days, stock_outs, replenishment_rules, replenishment_runs,
  replenishment_suggestions TO oms_app;
GRANT INSERT (sku, warehouse, day, units), UPDATE (units) ON stock_demand TO oms_app;
GRANT INSERT (day) ON stock_demand_days TO oms_app;
GRANT INSERT (sku, warehouse, first_day, last_day), UPDATE (last_day) ON stock_outs TO oms_app;
GRANT INSERT (sku, warehouse, supplier, service_level, lead_time_days, lead_time_deviation_days, review_days, pack_size,
  min_order, order_cost_minor, holding_cost_minor, window_days, automatic, updated_by),
  UPDATE (supplier, service_level, lead_time_days, lead_time_deviation_days, review_days, pack_size, min_order,
  order_cost_minor, holding_cost_minor, window_days, automatic, updated_by, updated_at), DELETE ON replenishment_rules
  TO oms_app;
GRANT INSERT (requested_by, until_day), UPDATE (after_sku, after_warehouse, pairs, suggested, calculated_at, finished_at)
  ON replenishment_runs TO oms_app;
GRANT INSERT (sku, warehouse, run_id, supplier, service_level, lead_time_days, lead_time_deviation_days, review_days,
  automatic, demand_per_day, deviation, pattern, demand_days, safety_stock, reorder_point, lot, pack_size, on_hand,
  reserved, kept_back, incoming, waiting, quantity), UPDATE (run_id, computed_at, supplier, service_level,
  lead_time_days, lead_time_deviation_days, review_days, automatic, demand_per_day, deviation, pattern, demand_days,
  safety_stock, reorder_point, lot, pack_size, on_hand, reserved, kept_back, incoming, waiting, quantity,
  purchase_order) ON replenishment_suggestions TO oms_app;
