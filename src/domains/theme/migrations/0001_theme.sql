create table user_themes (
  user_id text not null primary key,
  theme text not null check (theme in ('light', 'dark', 'system')),
  updated_at bigint not null
);
