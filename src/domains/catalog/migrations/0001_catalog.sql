create table systems (
  id text not null primary key,
  name text not null,
  description text,
  metadata text,
  created_at bigint not null,
  updated_at bigint not null
);
create unique index systems_name on systems (lower(name));
