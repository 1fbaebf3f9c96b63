#include "app/data_folder.hpp"

#include <cerrno>
#include <cstring>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/descriptor.hpp"
#include "base/text.hpp"
#include "platform/crypto/keyring.hpp"
#include "platform/crypto/random.hpp"

namespace watchbell::app {
namespace {

std::unexpected<Error> failed(std::string_view what, const std::filesystem::path& path, int error) {
  return fail(ErrorCode::unavailable, "{} {}: {}", what, path.string(), std::strerror(error));
}

/// Whether a folder is empty (but for what a file system puts there itself) or has been a data folder before.
bool is_ours_or_empty(int folder) {
  for (const char* name : {"watchbell.db", "master.key", "setup.token", "admin.sock", "watchbell.db.restoring"})
    if (::faccessat(folder, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0) return true;
  const int copy = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* entries = copy < 0 ? nullptr : ::fdopendir(copy);
  if (entries == nullptr) {
    if (copy >= 0) ::close(copy);
    return false;
  }
  bool empty = true;
  while (const dirent* entry = ::readdir(entries)) {
    const std::string_view name = entry->d_name;
    empty = empty && (name == "." || name == ".." || name == "lost+found");
  }
  ::closedir(entries);
  return empty;
}

}  // namespace

DataFolder::DataFolder(DataFolder&& other) noexcept : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

DataFolder::~DataFolder() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<DataFolder> DataFolder::open(const std::filesystem::path& path) {
  bool made = false;
  if (::mkdir(path.c_str(), 0700) == 0) made = true;
  else if (errno != EEXIST) return failed("cannot make the data folder", path, errno);
  const auto refuse = [&](std::unexpected<Error> error) {
    if (made) ::rmdir(path.c_str());
    return error;
  };
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return refuse(failed("cannot open the data folder", path, errno));
  DataFolder folder(path, fd);
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) return refuse(fail(ErrorCode::conflict, "the data folder {} is in use by another watchbell process", path.string()));
  // access() asks for the real user and honours read-only mounts; nothing is written to find out.
  if (::faccessat(fd, ".", W_OK | X_OK, AT_EACCESS) != 0) return refuse(failed("cannot write to the data folder", path, errno));
  if (!made && !is_ours_or_empty(fd)) return fail(ErrorCode::precondition_failed, "the data folder {} holds other things and no Watchbell data: name an empty folder", path.string());
  return folder;
}

Result<void> DataFolder::make_private() const {
  struct stat about{};
  if (::fstat(descriptor_, &about) != 0) return failed("cannot look at the data folder", path_, errno);
  if ((about.st_mode & 077) == 0 || ::fchmod(descriptor_, 0700) == 0) return {};
  // Somebody else's folder that we may write to, such as a volume given to a group: what we write there is our own all the same.
  if (errno == EPERM) return {};
  return failed("cannot make the data folder private", path_, errno);
}

std::string DataFolder::admin_socket_of(int folder) { return "/proc/self/fd/" + std::to_string(folder) + "/admin.sock"; }

std::string DataFolder::admin_socket() const { return admin_socket_of(descriptor_); }

Result<std::optional<std::string>> DataFolder::small_file(const char* name, const std::string* made) const {
  {
    const Descriptor file{::openat(descriptor_, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
    if (file.fd >= 0) {
      char buffer[512];
      const ssize_t got = ::read(file.fd, buffer, sizeof buffer);
      if (got < 0) return failed("cannot read", path_ / name, errno);
      return std::optional(std::string(trim(std::string_view(buffer, static_cast<std::size_t>(got)))));
    }
    if (errno != ENOENT) return failed("cannot read", path_ / name, errno);
  }
  if (made == nullptr) return std::optional<std::string>();
  // Written aside and renamed, so that a cut leaves a whole file or none.
  const std::string aside = std::string(name) + ".new";
  const Descriptor file{::openat(descriptor_, aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600)};
  if (file.fd < 0) return failed("cannot make", path_ / name, errno);
  const std::string line = *made + "\n";
  if (::write(file.fd, line.data(), line.size()) != static_cast<ssize_t>(line.size()) || ::fsync(file.fd) != 0 ||
      ::renameat(descriptor_, aside.c_str(), descriptor_, name) != 0 || ::fsync(descriptor_) != 0) {
    const int error = errno;
    ::unlinkat(descriptor_, aside.c_str(), 0);
    return failed("cannot write", path_ / name, error);
  }
  return std::optional(*made);
}

Result<std::optional<std::string>> DataFolder::master_key(bool make) const {
  if (!make) return small_file("master.key", nullptr);
  const std::string fresh = crypto::Keyring::generate();
  return small_file("master.key", &fresh);
}

Result<std::string> DataFolder::setup_token() const {
  const std::string fresh = crypto::random_token(24);
  auto token = small_file("setup.token", &fresh);
  if (!token) return std::unexpected(std::move(token.error()));
  if ((*token)->size() < 8) return fail(ErrorCode::precondition_failed, "{} is damaged: remove it", (path_ / "setup.token").string());
  return **token;
}

}  // namespace watchbell::app
