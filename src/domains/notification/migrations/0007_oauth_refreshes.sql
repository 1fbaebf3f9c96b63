-- Links whose tokens a process is renewing: a provider that changes the token for renewal with every use ends the link of whoever uses one twice.
create table oauth_refreshes (
  user_id text not null,
  strategy_id text not null,
  until bigint not null,
  primary key (user_id, strategy_id)
);
