create table healthcheck_configurations (
  id text not null primary key,
  name text not null,
  strategy_id text not null,
  config text not null,
  interval_seconds bigint not null,
  collectors text,
  paused boolean not null,
  revision bigint not null,
  created_at bigint not null,
  updated_at bigint not null
);
create table healthcheck_associations (
  id text not null primary key,
  system_id text not null,
  configuration_id text not null references healthcheck_configurations (id) on delete cascade,
  enabled boolean not null,
  thresholds text,
  measured_since bigint not null,
  created_at bigint not null,
  unique (system_id, configuration_id)
);
create index healthcheck_associations_configuration on healthcheck_associations (configuration_id);
-- No reference to the association: rows of one that is gone are not shown any more and are deleted in batches later.
create table healthcheck_runs (
  id text not null primary key,
  system_id text not null,
  configuration_id text not null,
  status text not null,
  timestamp bigint not null,
  latency_ms bigint,
  message text,
  result text not null
);
create index healthcheck_runs_check on healthcheck_runs (system_id, configuration_id, timestamp, id);
create index healthcheck_runs_time on healthcheck_runs (timestamp, id);
create table healthcheck_transitions (
  id text not null primary key,
  system_id text not null,
  number bigint not null,
  from_status text,
  to_status text not null,
  at bigint not null,
  configuration_id text,
  unique (system_id, number)
);
create index healthcheck_transitions_time on healthcheck_transitions (at, id);
