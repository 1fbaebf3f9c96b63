create table groups (
  id text not null primary key,
  name text not null,
  name_key text not null unique,
  metadata text,
  sort_order bigint not null,
  created_at bigint not null,
  updated_at bigint not null
);

create table systems_groups (
  system_id text not null references systems (id) on delete cascade,
  group_id text not null references groups (id) on delete cascade,
  primary key (system_id, group_id)
);
create index systems_groups_by_group on systems_groups (group_id);

create table system_contacts (
  id text not null primary key,
  system_id text not null references systems (id) on delete cascade,
  user_id text,
  email text,
  label text,
  created_at bigint not null,
  check ((user_id is null) <> (email is null)),
  unique (system_id, user_id),
  unique (system_id, email)
);
create index system_contacts_by_system on system_contacts (system_id, created_at, id);
create index system_contacts_by_user on system_contacts (user_id);

create table views (
  id text not null primary key,
  name text not null,
  description text,
  configuration text not null,
  created_at bigint not null,
  updated_at bigint not null
);
