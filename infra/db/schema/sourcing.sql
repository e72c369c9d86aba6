-- Sourcing: profiles, and the decisions that they made
-- Written by `python -m infra.db.schema write`, not edited: docs/schema.md. It runs after stock.sql.

-- A version of the sourcing profile; an edit is a new version. Append-only.
CREATE TABLE sourcing_profiles (
  version    integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name       text NOT NULL,
  reason     text NOT NULL,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT sourcing_profile_name CHECK (length(name) >= 1 AND length(name) <= 60 AND name !~ '[[:cntrl:]]'),
  CONSTRAINT sourcing_profile_reason CHECK (length(reason) BETWEEN 1 AND 500)
);

CREATE TRIGGER sourcing_profile_audited AFTER INSERT ON sourcing_profiles
  FOR EACH ROW EXECUTE FUNCTION audit_row('sourcing_profile', 'version', 'name reason');

CREATE TRIGGER sourcing_profiles_append_only BEFORE DELETE OR UPDATE ON sourcing_profiles
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

-- The strategies of a version, in order, with the orders that each is for. An empty list does not restrict.
CREATE TABLE sourcing_strategies (
  version         integer NOT NULL REFERENCES sourcing_profiles,
  position        smallint NOT NULL,
  name            text NOT NULL,
  countries       text[] NOT NULL DEFAULT '{}'::text[],
  provinces       text[] NOT NULL DEFAULT '{}'::text[],
  channels        text[] NOT NULL DEFAULT '{}'::text[],
  split_points    integer NOT NULL,  -- what each further fulfilment costs, against the weights of the criteria
  max_fulfilments smallint NOT NULL,
  categories      text[] NOT NULL DEFAULT '{}'::text[],  -- of products: one line of them is sufficient
  customer_groups text[] NOT NULL DEFAULT '{}'::text[],
  suppliers       text NOT NULL DEFAULT 'last',  -- when it takes suppliers: after the warehouses, beside them, or never
  CONSTRAINT sourcing_strategies_pkey PRIMARY KEY (version, "position"),
  CONSTRAINT sourcing_strategy_once UNIQUE (version, name),
  CONSTRAINT sourcing_strategy_position CHECK ("position" >= 1 AND "position" <= 20),
  CONSTRAINT sourcing_strategy_name CHECK (length(name) >= 1 AND length(name) <= 60 AND name !~ '[[:cntrl:]]'),
  CONSTRAINT sourcing_strategy_condition CHECK (cardinality(countries) <= 50 AND cardinality(provinces) <= 50
      AND cardinality(channels) <= 50),
  CONSTRAINT sourcing_strategy_split CHECK (split_points BETWEEN 1 AND 10000),
  CONSTRAINT sourcing_strategy_fulfilments CHECK (max_fulfilments BETWEEN 1 AND 10)
);
ALTER TABLE sourcing_strategies ADD CONSTRAINT sourcing_strategy_further_condition CHECK (cardinality(categories) <= 50
  AND cardinality(customer_groups) <= 50) NOT VALID;
ALTER TABLE sourcing_strategies ADD CONSTRAINT sourcing_strategy_suppliers CHECK (suppliers IN ('last', 'equal',
  'never')) NOT VALID;

CREATE TRIGGER sourcing_strategies_append_only BEFORE DELETE OR UPDATE ON sourcing_strategies
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

-- What a strategy judges warehouses by, in order.
CREATE TABLE sourcing_criteria (
  version       integer NOT NULL,
  strategy      smallint NOT NULL,
  position      smallint NOT NULL,
  kind          text NOT NULL,
  weight        smallint NOT NULL,
  exclude_below numeric(4,3) NOT NULL DEFAULT 0,  -- a warehouse with a lower score does not ship
  CONSTRAINT sourcing_criteria_pkey PRIMARY KEY (version, strategy, "position"),
  CONSTRAINT sourcing_criterion_once UNIQUE (version, strategy, kind),
  CONSTRAINT sourcing_criteria_version_strategy_fkey FOREIGN KEY (version, strategy)
      REFERENCES sourcing_strategies (version, "position"),
  CONSTRAINT sourcing_criterion_position CHECK ("position" >= 1 AND "position" <= 10),
  CONSTRAINT sourcing_criterion_kind CHECK (kind IN ('region', 'distance', 'freight', 'priority', 'stock', 'load',
      'cut_off')),
  CONSTRAINT sourcing_criterion_weight CHECK (weight BETWEEN 0 AND 1000),
  CONSTRAINT sourcing_criterion_exclusion CHECK (exclude_below >= 0::numeric AND exclude_below <= 1::numeric)
);

CREATE TRIGGER sourcing_criteria_append_only BEFORE DELETE OR UPDATE ON sourcing_criteria
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

-- What a parcel costs by the distance class, and how many days it takes.
CREATE TABLE sourcing_rates (
  version           integer NOT NULL REFERENCES sourcing_profiles,
  distance_class    smallint NOT NULL,  -- 0 same city, 1 same province, 2 same country, 3 elsewhere
  parcel_minor      integer NOT NULL,
  kg_minor          integer NOT NULL,
  transit_from_days smallint NOT NULL,
  transit_to_days   smallint NOT NULL,
  CONSTRAINT sourcing_rates_pkey PRIMARY KEY (version, distance_class),
  CONSTRAINT sourcing_rate_class CHECK (distance_class BETWEEN 0 AND 3),
  CONSTRAINT sourcing_rate_amounts CHECK (parcel_minor >= 0 AND parcel_minor <= 10000000 AND kg_minor >= 0
      AND kg_minor <= 10000000),
  CONSTRAINT sourcing_rate_transit CHECK (transit_from_days >= 0 AND transit_from_days <= 90
      AND transit_to_days >= transit_from_days AND transit_to_days <= 90)
);

CREATE TRIGGER sourcing_rates_append_only BEFORE DELETE OR UPDATE ON sourcing_rates
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

-- Which version is in force: the newest row. Without a row the default profile is. Append-only.
CREATE TABLE sourcing_activations (
  activation_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  version       integer NOT NULL REFERENCES sourcing_profiles,
  reason        text NOT NULL,
  activated_by  text NOT NULL,
  activated_at  timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT sourcing_activation_reason CHECK (length(reason) BETWEEN 1 AND 500)
);

CREATE TRIGGER sourcing_activation_audited AFTER INSERT ON sourcing_activations
  FOR EACH ROW EXECUTE FUNCTION audit_row('sourcing_activation', 'version', 'reason');

CREATE TRIGGER sourcing_activations_append_only BEFORE DELETE OR UPDATE ON sourcing_activations
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

-- Until when a warehouse ships on a day, and how much. One without a row ships until 16:00 UTC, without a limit.
CREATE TABLE sourcing_warehouses (
  warehouse       text PRIMARY KEY REFERENCES warehouses (code),
  cut_off         time without time zone NOT NULL,
  time_zone       text NOT NULL,
  capacity        integer,  -- parcels a day; NULL: no limit
  buffer          integer NOT NULL DEFAULT 0,  -- units of each product that sourcing leaves there
  updated_by      text NOT NULL,
  updated_at      timestamptz NOT NULL DEFAULT now(),
  channel_buffers jsonb NOT NULL DEFAULT '{}'::jsonb,  -- the same for the orders of some channels, by channel
  CONSTRAINT sourcing_warehouse_zone CHECK (length(time_zone) BETWEEN 1 AND 64),
  CONSTRAINT sourcing_warehouse_capacity CHECK (capacity BETWEEN 0 AND 1000000),
  CONSTRAINT sourcing_warehouse_buffer CHECK (buffer BETWEEN 0 AND 1000000)
);
ALTER TABLE sourcing_warehouses ADD CONSTRAINT sourcing_warehouse_channel_buffers CHECK (jsonb_typeof(channel_buffers) =
  'object' AND NOT jsonb_path_exists(channel_buffers, '$.*?((@.type() != "number" || @ < 0) || @ > 1000000)'::jsonpath))
  NOT VALID;

CREATE TRIGGER sourcing_warehouse_audited AFTER INSERT OR UPDATE ON sourcing_warehouses
  FOR EACH ROW
  EXECUTE FUNCTION audit_row('sourcing_warehouse', 'warehouse', 'cut_off time_zone capacity buffer channel_buffers');

-- What sourcing decided for an order, and why. Append-only; an order that one warehouse ships has none.
CREATE TABLE sourcing_decisions (
  decision_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  order_no    text NOT NULL REFERENCES orders,
  decided_at  timestamptz NOT NULL DEFAULT now(),
  version     integer REFERENCES sourcing_profiles,  -- of the profile; NULL: the default profile
  decision    jsonb NOT NULL CHECK (jsonb_typeof(decision) = 'object')
);
CREATE INDEX sourcing_decisions_order ON sourcing_decisions (order_no, decision_id DESC);
-- More triggers in freight.sql: decision_estimates_freight.

CREATE TRIGGER sourcing_decisions_append_only BEFORE DELETE OR UPDATE ON sourcing_decisions
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

-- Rights

GRANT SELECT ON sourcing_activations, sourcing_criteria, sourcing_decisions, sourcing_profiles, sourcing_rates,
  sourcing_strategies, sourcing_warehouses TO oms_app;
GRANT INSERT (activated_by, reason, version) ON sourcing_activations TO oms_app;
GRANT INSERT (exclude_below, kind, position, strategy, version, weight) ON sourcing_criteria TO oms_app;
GRANT INSERT (decision, order_no, version) ON sourcing_decisions TO oms_app;
GRANT INSERT (created_by, name, reason) ON sourcing_profiles TO oms_app;
GRANT INSERT (distance_class, kg_minor, parcel_minor, transit_from_days, transit_to_days, version) ON sourcing_rates
  TO oms_app;
GRANT INSERT (categories, channels, countries, customer_groups, max_fulfilments, name, position, provinces,
  split_points, suppliers, version) ON sourcing_strategies TO oms_app;
GRANT INSERT (buffer, capacity, channel_buffers, cut_off, time_zone, updated_by, warehouse) ON sourcing_warehouses
  TO oms_app;
GRANT UPDATE (buffer, capacity, channel_buffers, cut_off, time_zone, updated_at, updated_by) ON sourcing_warehouses
  TO oms_app;
