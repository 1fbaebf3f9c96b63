#pragma once

#include "platform/sql/migration.hpp"

namespace watchbell::migrations {
const sql::MigrationSet& runtime();
}

namespace watchbell::coherence::test {

/// Where what is read and changed stands: a version of each thing.
inline const sql::MigrationSet kThings{
    .name = "things", .migrations = {{.file = "0001_things.sql", .sql = "create table things (id text not null primary key, version bigint not null);"}}};

}  // namespace watchbell::coherence::test
