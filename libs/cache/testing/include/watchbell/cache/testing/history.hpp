#pragma once

#include <boost/container/small_vector.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <iosfwd>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

/// Histories: what a system with a cache was asked and what it answered, and when. `Recorder` writes one while the
/// system runs, `read_history` reads it back, `check` (checker.hpp) judges it.
///
/// A history speaks of items and keys, each named by any bytes. An item is a piece of data that changes (`row:7`) and
/// has a version: a number that grows strictly with each committed change of it. A key names what a reader asks for; its
/// value may depend on several items, and a read tells the version of each that it saw.
///
/// # The file
/// Text, one line an operation, ended by a line feed, fields parted by one space:
/// ```
/// watchbell-cache-history 1 buffered monotonic-ns 4711     format, flush, clock, process
/// initial row:7 3                                          item, its version before the first operation
/// change 1 1000 2500 row:7 4                               thread, began, returned, item, version
/// read 2 1200 1300 user:7 row:7 3 row:9 1                  thread, began, returned, key, and each item seen: item, version
/// end 3                                                    the number of lines between the first and this one
/// ```
/// - Lines stand in any order between the first and the last.
/// - A name is its bytes, where `%` and whatever is not a visible ASCII character is `%` and two hex digits; the empty
///   name is a single `%`. A name has at most kMaxName bytes, a line at most kMaxLine.
/// - `returned` is `-` for an operation that began and was never seen to return.
/// - The version of a change is `?` when it was still unknown as the recording ended (never with a `returned`), and `-`
///   when nothing was committed.
/// - Flush is `buffered` or `unbuffered`. Without its `end` a buffered file is incomplete and is refused. An unbuffered
///   one is complete at every moment, so that its writer may be killed: each change stands there as soon as it begins
///   (returned `-`, version `?`) and a second time when it has ended; a last line without a line feed counts for nothing.
/// - `lost 12 reason` says that operations are missing; such a file is refused.
namespace watchbell::cache::testing {

/// An instant of a Clock.
using Ticks = std::uint64_t;
using Version = std::uint64_t;

/// "Has not returned"; no instant.
inline constexpr Ticks kNever = UINT64_MAX;
/// The version of an item without an `initial` before its first change: "there is none" is a version too.
inline constexpr Version kAbsent = 0;
inline constexpr std::size_t kMaxName = 4096;
inline constexpr std::size_t kMaxLine = std::size_t{1} << 20;

/// Gives the instants of a history. It orders events as real time does, for all recorders whose histories are checked
/// together: when a call of `now` returned before another began, wherever that was, it gave no later instant. Equal
/// instants count as simultaneous. Called by every thread that records; must not throw.
struct Clock {
  std::string name;  ///< only histories of clocks of one name are checked together
  std::function<Ticks()> now;
};

/// Nanoseconds of CLOCK_MONOTONIC: shared by the processes of one machine until it restarts.
Clock monotonic_clock();

/// 1, 2, 3 and so on, one sequence for all copies of the clock: deterministic tests. It orders the threads that use it,
/// and so hides their races from ThreadSanitizer.
Clock counting_clock();

/// The history cannot be read or trusted: malformed, incomplete, its recorder lost something. The message begins with
/// `file:line: ` where a line is to blame.
class HistoryError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A name within one History.
using NameId = std::uint32_t;

struct Seen {
  NameId item = 0;
  Version version = 0;
};

struct Operation {
  enum class Kind : std::uint8_t { initial, change, read };

  Kind kind = Kind::read;
  std::uint32_t thread = 0;  ///< numbered by each recorder from 1
  std::uint32_t source = 0;  ///< index into History::sources()
  std::uint32_t line = 0;    ///< within its source, from 1; 0 when made by hand
  NameId name = 0;           ///< the key of a read, the item of the others
  Ticks began = 0;           ///< 0 for `initial`, like `returned`
  Ticks returned = kNever;

  // Maintained by History.
  std::uint32_t seen_count = 0;
  std::uint64_t seen_first = 0;
};

/// Operations in memory, in no order that matters. 48 bytes each, 16 more an item seen, names stored once.
class History {
 public:
  struct Source {
    std::string file;
    std::string process;
  };

  NameId id(std::string_view name);
  std::string_view name(NameId id) const { return names_[id]; }
  std::size_t names() const { return names_.size(); }

  /// Where operations come from; its index goes into their `source`.
  /// @throws HistoryError  when `clock` is not that of the sources before
  std::uint32_t add_source(std::string file, std::string process, const std::string& clock);
  const std::vector<Source>& sources() const { return sources_; }

  /// @param seen  what a read saw; one element of an `initial` or `change`, none of a change of unknown version
  /// @returns     the operation's index
  std::size_t add(Operation operation, std::span<const Seen> seen);
  const std::vector<Operation>& operations() const { return operations_; }
  std::span<const Seen> seen(const Operation& of) const { return {seen_.data() + of.seen_first, of.seen_count}; }

 private:
  std::deque<std::string> names_;
  std::unordered_map<std::string_view, NameId> ids_;  // views of names_
  std::vector<Source> sources_;
  std::string clock_;
  std::vector<Operation> operations_;
  std::vector<Seen> seen_;
};

/// Reads the files of one run, those of all its processes, into one history.
/// @throws HistoryError  naming file and line
History read_history(std::span<const std::filesystem::path> files);

/// The same from a stream, added to what `into` holds; `name` stands for the file. After an error `into` is of no use.
void read_history(std::istream& in, const std::string& name, History& into);

namespace detail {

class Journal;

/// An operation under way: the second half of its line, and what the first half will say.
class Started {
 public:
  Started(Journal& journal, std::string_view name);
  Started(Started&& other) noexcept;
  Started& operator=(Started&&) = delete;

 protected:
  ~Started() = default;

  Journal* journal_;  // null when ended, or moved from
  std::uint32_t thread_;
  bool too_long_ = false;
  Ticks began_ = 0;
  boost::container::small_vector<char, 128> text_;
};

}  // namespace detail

/// A read under way. Destroyed without `returned()` it is written as one that never returned, which no checker judges.
/// May move between threads; not thread-safe itself. Must not outlive its Recorder.
class RecordedRead : detail::Started {
 public:
  RecordedRead(RecordedRead&&) noexcept = default;
  ~RecordedRead();

  /// The value that the read returns was made from this version of the item. A version may be told twice.
  void saw(std::string_view item, Version version);
  /// Call when the reader has its answer; the time of the read ends here.
  void returned();

 private:
  friend class Recorder;
  using detail::Started::Started;
  void end(Ticks returned);
};

/// A change of one item under way: between its begin and its return it committed and invalidated. Destroyed without
/// `returned()` or `rolled_back()` it is written as one that never returned: it may have happened, at any time since. May
/// move between threads; not thread-safe itself. Must not outlive its Recorder.
class RecordedChange : detail::Started {
 public:
  RecordedChange(RecordedChange&&) noexcept = default;
  ~RecordedChange();

  /// The version that this change gives the item. Call when it is known, before commit or after.
  void wrote(Version version);
  /// Call when commit and invalidation are done; from now on nobody may see an older version.
  /// REQUIRES wrote() before.
  void returned();
  /// Nothing was committed, and nothing will be.
  void rolled_back();

 private:
  friend class Recorder;
  using detail::Started::Started;
  void end(Ticks returned, bool committed);

  Version version_ = 0;
  bool known_ = false;
};

enum class Flush : std::uint8_t {
  when_full,       ///< a thread's buffer, when it is full, when the thread ends and when the recorder closes
  each_operation,  ///< a write an operation, two a change: the process may be killed
};

struct RecorderOptions {
  Flush flush = Flush::when_full;
  Clock clock = monotonic_clock();
  std::string process{};              ///< shown in reports; empty: the process id
  std::size_t buffer_bytes = 65'536;  ///< a thread
};

/// Writes a history. Thread-safe.
///
/// Recording is cheap, so that it does not hide the races it shall find: with Flush::when_full an operation costs two
/// readings of the clock, two full fences and the formatting of a line into a buffer of the thread; no lock, no shared
/// write, no allocation unless names are long. Memory is one buffer for each living thread that recorded.
///
/// Nothing is lost silently. What cannot be written, or is longer than the format permits, is counted, and the file says
/// so or lacks its end; either way `read_history` refuses it.
///
/// ```
/// auto read = recorder.begin_read("user:7");
/// const User user = co_await users.get(7);      // through the cache
/// read.saw("row:7", user.version);
/// read.returned();
/// ```
class Recorder {
 public:
  /// Each process has a file of its own; a child made by fork() makes its own Recorder.
  /// @throws std::system_error  when `file` exists (it may be evidence) or cannot be made
  explicit Recorder(const std::filesystem::path& file, RecorderOptions options = {});
  /// `out` outlives the recorder and is used by nobody else meanwhile.
  explicit Recorder(std::ostream& out, RecorderOptions options = {});
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;
  /// Closes; what went wrong then is seen only in the file.
  ~Recorder();

  /// The version an item has before any change in this history; without it, kAbsent. Every process may say it, the same.
  void initial(std::string_view item, Version version);

  /// The time of the operation begins as these return.
  RecordedRead begin_read(std::string_view key);
  RecordedChange begin_change(std::string_view item);

  /// Writes what is still in buffers, and the end of the file. Idempotent.
  /// REQUIRES that every operation begun here has ended, in a way that this thread knows of (joined, for example).
  /// An operation that ends later stops the program.
  /// @throws std::runtime_error  when the history is incomplete, saying why
  void close();

 private:
  std::shared_ptr<detail::Journal> journal_;  // shared with threads that are just ending
};

}  // namespace watchbell::cache::testing
