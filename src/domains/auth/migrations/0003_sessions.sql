-- The newest link to set a new password, of each who asked; only the SHA-256 of its token.
create table password_resets (
  user_id text not null primary key references users (id) on delete cascade,
  token_hash text not null unique,
  expires_at bigint not null,
  created_at bigint not null
);
-- Sign-ins that were begun and did not succeed, by the SHA-256 of the address typed, whether anybody has it or not, and the network they came from.
create table sign_in_failures (
  account text not null,
  network text not null,
  failures integer not null,
  last_at bigint not null,
  primary key (account, network)
);
create index sign_in_failures_age on sign_in_failures (last_at);
