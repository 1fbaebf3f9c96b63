#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "app/config/config.hpp"
#include "base/result.hpp"

namespace watchbell::app {

/// Writes a consistent copy of the database in the data folder to a file that does not exist yet (mode 0600, whole or absent). A server may run on the folder
/// meanwhile, and nothing of it is asked but whether it lives: the copy is read and written by this process, with the rights and in the place of who called.
/// Without a server the folder is locked. Migrates nothing, so that it can be called before an upgrade by the new program. Answers the file's size. Blocks.
Result<std::uintmax_t> back_up(const config::Config& config, const std::filesystem::path& file);

/// What restore() did.
struct Restored {
  std::uintmax_t bytes = 0;
  std::int64_t migrations_to_run = 0;         ///< at the next start
  std::optional<std::filesystem::path> kept;  ///< where the database is now that was there
  bool key_fits = true;                       ///< whether the master key in force opens what the database keeps sealed
};

/// Puts a copy of `file` in the place of the database in the data folder, which is locked meanwhile, so that no server runs. Before anything is changed the
/// copy is judged: it must be a whole database of this program, not of a newer version, and every page of it must read. The database that was there keeps its
/// content under a dated name. Whenever this is cut off, the folder holds the old database or the new one, whole. `file` stays as it is. Blocks.
Result<Restored> restore(const config::Config& config, const std::filesystem::path& file);

}  // namespace watchbell::app
