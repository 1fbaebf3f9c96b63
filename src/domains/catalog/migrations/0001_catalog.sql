create table systems (
  id text not null primary key,
  name text not null,
  name_key text not null unique,
  description text,
  metadata text,
  created_at bigint not null,
  updated_at bigint not null
);
