-- Settings: one row a record. `data` holds the version of its form, the value without its secrets, and the sealed secrets by their path.
create table settings_records (
  area text not null,
  record text not null,
  revision bigint not null,
  data text not null,
  updated_at bigint not null,
  primary key (area, record)
);
