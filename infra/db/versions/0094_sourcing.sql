-- A profile is never changed: an edit is a new version. Which one is in force says sourcing_activations.
CREATE TABLE sourcing_profiles (
  version    integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name       text NOT NULL,
  reason     text NOT NULL,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT sourcing_profile_name CHECK (length(name) BETWEEN 1 AND 60 AND name !~ '[[:cntrl:]]'),
  CONSTRAINT sourcing_profile_reason CHECK (length(reason) BETWEEN 1 AND 500)
);
CREATE TABLE sourcing_strategies (
  version         integer NOT NULL REFERENCES sourcing_profiles,
  position        smallint NOT NULL,
  name            text NOT NULL,
  countries       text[] NOT NULL DEFAULT '{}',
  provinces       text[] NOT NULL DEFAULT '{}',
  channels        text[] NOT NULL DEFAULT '{}',
  split_points    integer NOT NULL,
  max_fulfilments smallint NOT NULL,
  PRIMARY KEY (version, position),
  CONSTRAINT sourcing_strategy_once UNIQUE (version, name),
  CONSTRAINT sourcing_strategy_position CHECK (position BETWEEN 1 AND 20),
  CONSTRAINT sourcing_strategy_name CHECK (length(name) BETWEEN 1 AND 60 AND name !~ '[[:cntrl:]]'),
  CONSTRAINT sourcing_strategy_condition CHECK (
    cardinality(countries) <= 50 AND cardinality(provinces) <= 50 AND cardinality(channels) <= 50),
  CONSTRAINT sourcing_strategy_split CHECK (split_points BETWEEN 1 AND 10000),
  CONSTRAINT sourcing_strategy_fulfilments CHECK (max_fulfilments BETWEEN 1 AND 10)
);
CREATE TABLE sourcing_criteria (
  version       integer NOT NULL,
  strategy      smallint NOT NULL,
  position      smallint NOT NULL,
  kind          text NOT NULL,
  weight        smallint NOT NULL,
  exclude_below numeric(4, 3) NOT NULL DEFAULT 0,
  PRIMARY KEY (version, strategy, position),
  FOREIGN KEY (version, strategy) REFERENCES sourcing_strategies,
  CONSTRAINT sourcing_criterion_once UNIQUE (version, strategy, kind),
  CONSTRAINT sourcing_criterion_position CHECK (position BETWEEN 1 AND 10),
  CONSTRAINT sourcing_criterion_kind CHECK (
    kind IN ('region', 'distance', 'freight', 'priority', 'stock', 'load', 'cut_off')),
  CONSTRAINT sourcing_criterion_weight CHECK (weight BETWEEN 0 AND 1000),
  CONSTRAINT sourcing_criterion_exclusion CHECK (exclude_below BETWEEN 0 AND 1)
);
CREATE TABLE sourcing_rates (
  version           integer NOT NULL REFERENCES sourcing_profiles,
  distance_class    smallint NOT NULL,
  parcel_minor      integer NOT NULL,
  kg_minor          integer NOT NULL,
  transit_from_days smallint NOT NULL,
  transit_to_days   smallint NOT NULL,
  PRIMARY KEY (version, distance_class),
  CONSTRAINT sourcing_rate_class CHECK (distance_class BETWEEN 0 AND 3),
  CONSTRAINT sourcing_rate_amounts CHECK (parcel_minor BETWEEN 0 AND 10000000 AND kg_minor BETWEEN 0 AND 10000000),
  CONSTRAINT sourcing_rate_transit CHECK (
    transit_from_days BETWEEN 0 AND 90 AND transit_to_days BETWEEN transit_from_days AND 90)
);
CREATE TABLE sourcing_activations (
  activation_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  version       integer NOT NULL REFERENCES sourcing_profiles,
  reason        text NOT NULL,
  activated_by  text NOT NULL,
  activated_at  timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT sourcing_activation_reason CHECK (length(reason) BETWEEN 1 AND 500)
);
-- Until when a warehouse ships on a day, and how much. One without a row ships until 16:00 UTC, without a limit.
CREATE TABLE sourcing_warehouses (
  warehouse  text PRIMARY KEY REFERENCES warehouses (code),
  cut_off    time NOT NULL,
  time_zone  text NOT NULL,
  capacity   integer,
  buffer     integer NOT NULL DEFAULT 0,
  updated_by text NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT sourcing_warehouse_zone CHECK (length(time_zone) BETWEEN 1 AND 64),
  CONSTRAINT sourcing_warehouse_capacity CHECK (capacity BETWEEN 0 AND 1000000),
  CONSTRAINT sourcing_warehouse_buffer CHECK (buffer BETWEEN 0 AND 1000000)
);
CREATE TABLE sourcing_decisions (
  decision_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  order_no    text NOT NULL REFERENCES orders,
  decided_at  timestamptz NOT NULL DEFAULT now(),
  version     integer REFERENCES sourcing_profiles,
  decision    jsonb NOT NULL CHECK (jsonb_typeof(decision) = 'object')
);
CREATE INDEX sourcing_decisions_order ON sourcing_decisions (order_no, decision_id DESC);

CREATE TRIGGER sourcing_profile_audited AFTER INSERT ON sourcing_profiles
  FOR EACH ROW EXECUTE FUNCTION audit_row('sourcing_profile', 'version', 'name reason');
CREATE TRIGGER sourcing_activation_audited AFTER INSERT ON sourcing_activations
  FOR EACH ROW EXECUTE FUNCTION audit_row('sourcing_activation', 'version', 'reason');
CREATE TRIGGER sourcing_warehouse_audited AFTER INSERT OR UPDATE ON sourcing_warehouses
  FOR EACH ROW EXECUTE FUNCTION audit_row('sourcing_warehouse', 'warehouse', 'cut_off time_zone capacity buffer');
CREATE TRIGGER sourcing_profiles_append_only BEFORE UPDATE OR DELETE ON sourcing_profiles
  FOR EACH ROW EXECUTE FUNCTION forbid_change();
CREATE TRIGGER sourcing_strategies_append_only BEFORE UPDATE OR DELETE ON sourcing_strategies
  FOR EACH ROW EXECUTE FUNCTION forbid_change();
CREATE TRIGGER sourcing_criteria_append_only BEFORE UPDATE OR DELETE ON sourcing_criteria
  FOR EACH ROW EXECUTE FUNCTION forbid_change();
CREATE TRIGGER sourcing_rates_append_only BEFORE UPDATE OR DELETE ON sourcing_rates
  FOR EACH ROW EXECUTE FUNCTION forbid_change();
CREATE TRIGGER sourcing_activations_append_only BEFORE UPDATE OR DELETE ON sourcing_activations
  FOR EACH ROW EXECUTE FUNCTION forbid_change();
CREATE TRIGGER sourcing_decisions_append_only BEFORE UPDATE OR DELETE ON sourcing_decisions
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

GRANT SELECT ON sourcing_profiles, sourcing_strategies, sourcing_criteria, sourcing_rates, sourcing_activations,
  sourcing_warehouses, sourcing_decisions TO oms_app;
GRANT INSERT (name, reason, created_by) ON sourcing_profiles TO oms_app;
GRANT INSERT (version, position, name, countries, provinces, channels, split_points, max_fulfilments)
  ON sourcing_strategies TO oms_app;
GRANT INSERT (version, strategy, position, kind, weight, exclude_below) ON sourcing_criteria TO oms_app;
GRANT INSERT (version, distance_class, parcel_minor, kg_minor, transit_from_days, transit_to_days)
  ON sourcing_rates TO oms_app;
GRANT INSERT (version, reason, activated_by) ON sourcing_activations TO oms_app;
GRANT INSERT (warehouse, cut_off, time_zone, capacity, buffer, updated_by),
      UPDATE (cut_off, time_zone, capacity, buffer, updated_by, updated_at) ON sourcing_warehouses TO oms_app;
GRANT INSERT (order_no, version, decision) ON sourcing_decisions TO oms_app;
