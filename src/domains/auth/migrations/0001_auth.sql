create table users (
  id text not null primary key,
  name text not null,
  email text not null unique,
  email_verified boolean not null,
  created_at bigint not null,
  updated_at bigint not null
);
create table accounts (
  id text not null primary key,
  user_id text not null references users (id) on delete cascade,
  provider_id text not null,
  account_id text not null,
  password text,
  created_at bigint not null,
  updated_at bigint not null,
  unique (provider_id, account_id)
);
create index accounts_user on accounts (user_id);
create table sessions (
  id text not null primary key,
  token_hash text not null unique,
  user_id text not null references users (id) on delete cascade,
  expires_at bigint not null,
  remember boolean not null,
  ip_address text not null,
  user_agent text not null,
  created_at bigint not null,
  updated_at bigint not null
);
create index sessions_user on sessions (user_id);
create index sessions_expiry on sessions (expires_at);
create table roles (
  id text not null primary key,
  name text not null,
  description text not null,
  is_system boolean not null
);
create table access_rules (
  id text not null primary key,
  description text not null
);
create table role_rules (
  role_id text not null references roles (id) on delete cascade,
  rule_id text not null references access_rules (id) on delete cascade,
  primary key (role_id, rule_id)
);
create index role_rules_rule on role_rules (rule_id);
-- What an administrator took away from a role that gets it by default; no reference to access_rules: the memory outlives a rule that went and came back.
create table disabled_default_rules (
  role_id text not null references roles (id) on delete cascade,
  rule_id text not null,
  primary key (role_id, rule_id)
);
create table user_roles (
  user_id text not null references users (id) on delete cascade,
  role_id text not null references roles (id) on delete cascade,
  primary key (user_id, role_id)
);
create index user_roles_role on user_roles (role_id);
create table applications (
  id text not null primary key,
  name text not null,
  description text not null,
  created_by text references users (id) on delete set null,
  expires_at bigint,
  revoked_at bigint,
  last_used_at bigint,
  created_at bigint not null
);
-- One live secret, two while a key is rotated: the old one then has an end of its own. None once the key is revoked.
create table application_secrets (
  application_id text not null references applications (id) on delete cascade,
  secret_hash text not null,
  expires_at bigint,
  created_at bigint not null,
  primary key (application_id, secret_hash)
);
create table application_roles (
  application_id text not null references applications (id) on delete cascade,
  role_id text not null references roles (id) on delete cascade,
  primary key (application_id, role_id)
);
create index application_roles_role on application_roles (role_id);
create table audit_log (
  id text not null primary key,
  at bigint not null,
  actor text not null,
  action text not null,
  target text not null,
  address text not null,
  outcome text not null
);
create index audit_log_at on audit_log (at, id);
