-- Users on their way to a provider and back, to connect their account there: one at a time for each channel. What the provider carries is not kept, only
-- its digest.
create table oauth_trips (
  user_id text not null,
  strategy_id text not null,
  state_hash text not null,
  return_path text not null,
  expires_at bigint not null,
  primary key (user_id, strategy_id)
);
create index oauth_trips_expiry on oauth_trips (expires_at);
