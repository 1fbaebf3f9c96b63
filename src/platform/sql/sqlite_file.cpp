// The file format's own header (sqlite.org/fileformat2.html, 1.3), read without SQLite, which would already begin to repair.
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform/sql/connection.hpp"

namespace watchbell::sql::detail {
namespace {

constexpr std::size_t kHeaderBytes = 100;

std::uint32_t big_endian(const unsigned char* bytes, int count) {
  std::uint32_t value = 0;
  for (int i = 0; i < count; ++i) value = value << 8 | bytes[i];
  return value;
}

bool has_content(const std::string& file) {
  struct stat status {};
  return ::stat(file.c_str(), &status) == 0 && status.st_size > 0;
}

}  // namespace

Result<void> check_sqlite_file(const std::string& file) {
  const auto failed = [&](int error) {
    return fail(ErrorCode::precondition_failed, "the database {} cannot be read: {}", file, std::generic_category().message(error));
  };
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    if (errno == ENOENT) return {};
    return failed(errno);
  }
  struct stat status {};
  std::array<unsigned char, kHeaderBytes> header{};
  const bool known = ::fstat(descriptor, &status) == 0;
  const auto read = known ? ::pread(descriptor, header.data(), header.size(), 0) : -1;
  const int error = errno;
  ::close(descriptor);
  if (read < 0) return failed(error);
  if (status.st_size == 0) return {};

  static constexpr char kMagic[] = "SQLite format 3";
  const auto page = big_endian(&header[16], 2) == 1 ? 65536u : big_endian(&header[16], 2);
  if (static_cast<std::size_t>(read) < kHeaderBytes || std::memcmp(header.data(), kMagic, sizeof kMagic) != 0 || page < 512 || !std::has_single_bit(page))
    return fail(ErrorCode::precondition_failed, "{} is no SQLite database, or its header is damaged", file);

  // With a log beside it the file may rightly be behind. The count of pages holds when the two change counters agree.
  if (has_content(file + "-wal") || has_content(file + "-journal")) return {};
  const bool counted = big_endian(&header[24], 4) == big_endian(&header[92], 4);
  const auto pages = static_cast<std::uint64_t>(status.st_size) / page;
  if (counted && pages < big_endian(&header[28], 4))
    return fail(ErrorCode::precondition_failed, "the database {} is cut short: it holds {} of {} pages", file, pages, big_endian(&header[28], 4));
  return {};
}

}  // namespace watchbell::sql::detail
