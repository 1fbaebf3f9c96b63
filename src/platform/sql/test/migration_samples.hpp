#pragma once

#include "platform/sql/migration.hpp"

namespace watchbell::sql::test {

inline const MigrationSet kPeople{"people",
                           {{"0001_people.sql", "create table people (id text primary key, name text not null);\ncreate index people_name on people (name);"},
                            {"0002_age.sql", "alter table people add column age integer not null default 0;"}}};
inline const MigrationSet kPets{"pets", {{"0001_pets.sql", "create table pets (id text primary key, owner text references people (id) on delete cascade);"}}};

}  // namespace watchbell::sql::test
