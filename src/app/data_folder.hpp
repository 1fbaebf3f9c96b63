#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/result.hpp"

namespace watchbell::app {

/// The folder that holds everything a server keeps. Opened by one process at a time: the lock is on the folder itself (flock), so it ends with the
/// process, whatever ends it. Immutable once opened.
class DataFolder {
 public:
  /// Opens and locks the folder, making it (mode 0700) when it is absent. An Error is one sentence: cannot be made, cannot be written, is in use
  /// (ErrorCode::conflict, and of nothing else), is somebody else's (not empty, and none of our files in it).
  /// Nothing is left behind when it fails.
  static Result<DataFolder> open(const std::filesystem::path& path);
  /// Takes the rights of others away, if the folder is ours: a package or a container may have made it. Called once what it holds was judged, so that a
  /// refused start leaves the folder as it was.
  Result<void> make_private() const;
  DataFolder(DataFolder&& other) noexcept;
  DataFolder& operator=(DataFolder&&) = delete;
  ~DataFolder();

  const std::filesystem::path& path() const noexcept { return path_; }
  std::string database() const { return (path_ / "watchbell.db").string(); }
  /// A path to the administration socket that is short enough for the kernel, through the folder's descriptor.
  std::string admin_socket() const;
  static std::string admin_socket_of(int folder);

  /// The master key of the folder, made at first use (mode 0600, synced) when `make` allows; nothing when there is none.
  Result<std::optional<std::string>> master_key(bool make) const;
  /// The setup token, made at first use and kept until somebody is set up.
  Result<std::string> setup_token() const;

 private:
  DataFolder(std::filesystem::path path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}
  Result<std::optional<std::string>> small_file(const char* name, const std::string* made) const;
  std::filesystem::path path_;
  int descriptor_ = -1;
};

}  // namespace watchbell::app
