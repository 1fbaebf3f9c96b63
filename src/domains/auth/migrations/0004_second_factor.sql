-- A user's second factor: its secret, sealed; in force once a first code was shown. Steps up to last_step are used up.
create table second_factors (
  user_id text not null primary key references users (id) on delete cascade,
  secret text not null,
  confirmed_at bigint,
  last_step bigint not null,
  created_at bigint not null
);
create table recovery_codes (
  user_id text not null references users (id) on delete cascade,
  code_hash text not null,
  primary key (user_id, code_hash)
);
-- A sign-in whose password was right and that awaits its second factor.
create table sign_in_challenges (
  token_hash text not null primary key,
  user_id text not null references users (id) on delete cascade,
  remember boolean not null,
  failures integer not null,
  expires_at bigint not null
);
create index sign_in_challenges_user on sign_in_challenges (user_id);
create index sign_in_challenges_expiry on sign_in_challenges (expires_at);
