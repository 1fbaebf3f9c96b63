#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "app/config/config.hpp"
#include "base/result.hpp"

namespace watchbell::app {

/// How far a copy is, told after each batch of rows.
struct CopyProgress {
  enum class Phase { reading, copying, comparing };
  Phase phase = Phase::reading;
  std::string table;
  std::int64_t rows = 0;  ///< of the table, so far
  std::int64_t of = 0;    ///< 0 while it is not known
};

struct CopyOptions {
  std::size_t rows_a_batch = 1000;     ///< at most; each batch is one transaction
  std::size_t bytes_a_batch = 1 << 20; ///< about; a batch has one row at least
  std::function<void(const CopyProgress&)> progress;
};

struct CopiedTable {
  std::string name;
  std::int64_t rows = 0;
  std::string checksum;  ///< over all its values, the same on both sides
};

struct Copied {
  std::vector<CopiedTable> tables;  ///< in the order they were copied in
  std::int64_t rows = 0;
  bool went_on = false;    ///< with what an interrupted copy had left
  bool was_there = false;  ///< nothing was to be done: an earlier copy was whole
};

/// Copies the SQLite database of the data folder into the PostgreSQL database `url`, which holds no row yet, or what a copy of the same data left that was
/// interrupted: then it goes on there. The folder is locked meanwhile, and the database in it only read. The tables are those of the migrations, found in the
/// schema. At the end every table is compared by its number of rows and a checksum over all its values, read on both sides. Until then the target carries a
/// mark for which every program refuses to serve it. An Error is one sentence; the source is unchanged, and the target is what it was, or an unfinished copy.
/// Blocks.
Result<Copied> migrate_to(const config::Config& config, const std::string& url, const CopyOptions& options = {});

}  // namespace watchbell::app
