// A thread appends finished lines to a buffer that only it touches; a full buffer goes to the sink under the one mutex of
// the journal. A buffer belongs to the journal, which writes the rest of it at close, and to its thread, which writes the
// rest when it ends. Those two may meet, so each buffer has a mutex for them, which recording never takes.
#include <watchbell/cache/testing/history.hpp>

#include "format.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <ostream>
#include <system_error>
#include <utility>

#include <unistd.h>

namespace watchbell::cache::testing {

Clock monotonic_clock() {
  return {"monotonic-ns", [] {
            const auto now = std::chrono::steady_clock::now().time_since_epoch();
            return static_cast<Ticks>(std::chrono::nanoseconds(now).count());
          }};
}

Clock counting_clock() {
  return {"counter", [last = std::make_shared<std::atomic<Ticks>>(0)] { return last->fetch_add(1) + 1; }};
}

namespace {

[[noreturn]] void stop(const char* what) {
  std::fprintf(stderr, "watchbell::cache::testing::Recorder: %s\n", what);
  std::abort();
}

// Between the clock and the operation it times. Without it a store of the operation may wait in the processor's buffer
// when the clock is read after it, and a load may go ahead of the clock that is read before it: the interval would not
// hold the operation, and a read would look stale that is not.
void full_fence() {
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpragmas"
#pragma GCC diagnostic ignored "-Wtsan"  // it does not model the fence, and need not: no data is handed over by it
#endif
  std::atomic_thread_fence(std::memory_order_seq_cst);
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
}

/// Where the bytes go.
class Sink {
 public:
  virtual ~Sink() = default;
  /// 0, or the errno of what went wrong; some of the bytes may have been written then.
  virtual int write(std::string_view text) = 0;
  /// Takes back the bytes after the first `size`, if it can.
  virtual void cut(std::uint64_t size) = 0;
  virtual int close() = 0;
};

class FileSink final : public Sink {
 public:
  explicit FileSink(const std::filesystem::path& path) : path_(path), file_(std::fopen(path.c_str(), "wbx")) {
    if (!file_) throw std::system_error(errno, std::generic_category(), path.string());
    std::setvbuf(file_, nullptr, _IONBF, 0);
  }
  FileSink(const FileSink&) = delete;
  FileSink& operator=(const FileSink&) = delete;
  ~FileSink() override {
    if (file_) std::fclose(file_);
  }

  int write(std::string_view text) override {
    errno = 0;
    return std::fwrite(text.data(), 1, text.size(), file_) == text.size() ? 0 : (errno ? errno : EIO);
  }

  void cut(std::uint64_t size) override {
    std::clearerr(file_);
    std::error_code ignored;  // then the file stays torn, which is refused as well
    std::filesystem::resize_file(path_, size, ignored);
    std::fseek(file_, 0, SEEK_END);
  }

  int close() override { return std::fclose(std::exchange(file_, nullptr)) == 0 ? 0 : errno; }

 private:
  std::filesystem::path path_;
  std::FILE* file_;
};

class StreamSink final : public Sink {
 public:
  explicit StreamSink(std::ostream& out) : out_(out) {}
  int write(std::string_view text) override { return out_.write(text.data(), static_cast<std::streamsize>(text.size())) ? 0 : EIO; }
  void cut(std::uint64_t) override { out_.clear(); }
  int close() override { return out_.flush() ? 0 : EIO; }

 private:
  std::ostream& out_;
};

}  // namespace

namespace detail {

struct Buffer {
  explicit Buffer(std::uint32_t number) : thread(number) {}

  const std::uint32_t thread;
  std::mutex ending;                 // held by a thread that ends and by close()
  std::shared_ptr<Journal> journal;  // null when closed
  std::uint64_t journal_id = 0;
  std::string text;
  std::uint64_t lines = 0;
};

class Journal : public std::enable_shared_from_this<Journal> {
 public:
  Journal(std::unique_ptr<Sink> sink, RecorderOptions options) : options_(std::move(options)), sink_(std::move(sink)) {
    if (options_.process.empty()) options_.process = std::to_string(::getpid());
    std::string header(format::kMagic);
    header.append(" ").append(format::kVersion).append(" ");
    header.append(unbuffered() ? format::kUnbuffered : format::kBuffered).push_back(' ');
    format::append_name(header, options_.clock.name);
    header.push_back(' ');
    format::append_name(header, options_.process);
    header.push_back('\n');
    write(header, 0);
  }

  bool unbuffered() const { return options_.flush == Flush::each_operation; }
  Ticks now() const { return options_.clock.now(); }

  /// This thread's.
  Buffer& buffer();

  /// Adds a line to this thread's buffer.
  template <class Compose>
  void line(Compose compose) {
    Buffer& mine = buffer();
    const std::size_t before = mine.text.size();
    compose(mine.text);
    mine.text.push_back('\n');
    if (mine.text.size() - before - 1 > kMaxLine) {
      mine.text.resize(before);
      return lose(1, "a line is longer than the format permits");
    }
    ++mine.lines;
    if (unbuffered() || mine.text.size() >= options_.buffer_bytes) flush(mine);
  }

  void flush(Buffer& buffer) {
    if (buffer.text.empty()) return;
    write(buffer.text, std::exchange(buffer.lines, 0));
    buffer.text.clear();
  }

  void lose(std::uint64_t count, const char* reason) {
    const std::lock_guard lock(mutex_);
    lost_ += count;
    if (reason_.empty()) reason_ = reason;
  }

  void leave(const Buffer& buffer) {
    const std::lock_guard lock(mutex_);
    std::erase_if(buffers_, [&](const auto& other) { return other.get() == &buffer; });
  }

  /// Empty, or why the history is incomplete.
  std::string close();

 private:
  void write(std::string_view text, std::uint64_t lines) {
    const std::lock_guard lock(mutex_);
    const int error = torn_ ? 0 : sink_->write(text);
    if (torn_ || error != 0) {
      torn_ = true;
      lost_ += lines;
      if (reason_.empty()) reason_ = std::generic_category().message(error);
      return;
    }
    bytes_ += text.size();
    lines_ += lines;
  }

  static std::uint64_t next_id() {
    static std::atomic<std::uint64_t> last{0};
    return ++last;
  }

  RecorderOptions options_;
  const std::uint64_t id_ = next_id();  // an address may come again
  std::atomic<bool> closed_{false};

  std::mutex mutex_;  // guards all below
  std::unique_ptr<Sink> sink_;
  std::vector<std::shared_ptr<Buffer>> buffers_;
  std::uint32_t threads_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t lines_ = 0;
  std::uint64_t lost_ = 0;
  std::string reason_;  // of the first loss
  bool torn_ = false;   // a write failed half way; what comes after it would not be lines
};

namespace {

/// The buffers of one thread, one for each recorder it met and that is open.
struct OfThread {
  std::vector<std::shared_ptr<Buffer>> buffers;

  OfThread() = default;
  OfThread(const OfThread&) = delete;
  OfThread& operator=(const OfThread&) = delete;
  ~OfThread() {
    for (const auto& buffer : buffers) {
      const std::lock_guard lock(buffer->ending);
      if (const auto journal = std::exchange(buffer->journal, nullptr)) {
        journal->flush(*buffer);
        journal->leave(*buffer);
      }
    }
  }
};

thread_local OfThread of_thread;

}  // namespace

Buffer& Journal::buffer() {
  if (closed_.load(std::memory_order_relaxed)) stop("an operation began or ended after close()");
  for (const auto& buffer : of_thread.buffers)
    if (buffer->journal_id == id_) return *buffer;

  std::erase_if(of_thread.buffers, [](const auto& buffer) {
    const std::lock_guard lock(buffer->ending);
    return buffer->journal == nullptr;
  });
  const std::lock_guard lock(mutex_);
  auto made = std::make_shared<Buffer>(++threads_);
  made->journal = shared_from_this();
  made->journal_id = id_;
  made->text.reserve(options_.buffer_bytes + 256);
  buffers_.push_back(made);
  return *of_thread.buffers.emplace_back(std::move(made));
}

std::string Journal::close() {
  if (closed_.exchange(true)) return {};
  std::vector<std::shared_ptr<Buffer>> buffers;
  {
    const std::lock_guard lock(mutex_);
    buffers.swap(buffers_);
  }
  for (const auto& buffer : buffers) {
    const std::lock_guard lock(buffer->ending);
    // A thread that was ending meanwhile has written its own.
    if (const auto journal = std::exchange(buffer->journal, nullptr)) flush(*buffer);
  }

  const std::lock_guard lock(mutex_);
  if (torn_) sink_->cut(bytes_);
  std::string last;
  if (lost_ > 0 || torn_) {
    last = "lost ";
    format::append_number(last, lost_);
    last.push_back(' ');
    format::append_name(last, reason_);
  } else {
    last = "end ";
    format::append_number(last, lines_);
  }
  last.push_back('\n');
  int error = sink_->write(last);
  if (const int at_close = sink_->close(); error == 0) error = at_close;
  if (error != 0 && reason_.empty()) reason_ = std::generic_category().message(error);
  return reason_;
}

Started::Started(Journal& journal, std::string_view name) : journal_(&journal), thread_(journal.buffer().thread) {
  too_long_ = name.size() > kMaxName;
  format::append_name(text_, name.substr(0, kMaxName));
}

Started::Started(Started&& other) noexcept
    : journal_(std::exchange(other.journal_, nullptr)),
      thread_(other.thread_),
      too_long_(other.too_long_),
      began_(other.began_),
      text_(std::move(other.text_)) {}

namespace {

void append_operation(std::string& line, std::string_view kind, std::uint32_t thread, Ticks began, Ticks returned) {
  line.append(kind).push_back(' ');
  format::append_number(line, thread);
  line.push_back(' ');
  format::append_number(line, began);
  line.push_back(' ');
  if (returned == kNever)
    line.push_back('-');
  else
    format::append_number(line, returned);
  line.push_back(' ');
}

constexpr const char* kNameTooLong = "a name is longer than the format permits";

}  // namespace
}  // namespace detail

RecordedRead::~RecordedRead() {
  if (journal_) end(kNever);
}

void RecordedRead::saw(std::string_view item, Version version) {
  if (item.size() > kMaxName) too_long_ = true;
  if (too_long_ || text_.size() > kMaxLine) return;
  text_.push_back(' ');
  format::append_name(text_, item);
  text_.push_back(' ');
  format::append_number(text_, version);
}

void RecordedRead::returned() {
  full_fence();
  if (!journal_) stop("an operation returned twice");
  end(journal_->now());
}

void RecordedRead::end(Ticks returned) {
  auto* journal = std::exchange(journal_, nullptr);
  if (too_long_) return journal->lose(1, detail::kNameTooLong);
  journal->line([&](std::string& line) {
    detail::append_operation(line, "read", thread_, began_, returned);
    format::append(line, {text_.data(), text_.size()});
  });
}

RecordedChange::~RecordedChange() {
  if (journal_) end(kNever, true);
}

void RecordedChange::wrote(Version version) {
  version_ = version;
  known_ = true;
}

void RecordedChange::returned() {
  full_fence();
  if (!journal_) stop("an operation returned twice");
  if (!known_) stop("a change returned without wrote()");
  end(journal_->now(), true);
}

void RecordedChange::rolled_back() {
  if (!journal_) stop("an operation returned twice");
  end(kNever, false);
}

void RecordedChange::end(Ticks returned, bool committed) {
  auto* journal = std::exchange(journal_, nullptr);
  if (too_long_) return journal->lose(1, detail::kNameTooLong);
  journal->line([&](std::string& line) {
    detail::append_operation(line, "change", thread_, began_, returned);
    format::append(line, {text_.data(), text_.size()});
    line.push_back(' ');
    if (!committed)
      line.push_back('-');
    else if (!known_)
      line.push_back('?');
    else
      format::append_number(line, version_);
  });
}

Recorder::Recorder(const std::filesystem::path& file, RecorderOptions options)
    : journal_(std::make_shared<detail::Journal>(std::make_unique<FileSink>(file), std::move(options))) {}

Recorder::Recorder(std::ostream& out, RecorderOptions options)
    : journal_(std::make_shared<detail::Journal>(std::make_unique<StreamSink>(out), std::move(options))) {}

Recorder::~Recorder() { journal_->close(); }

void Recorder::close() {
  if (const auto reason = journal_->close(); !reason.empty()) throw std::runtime_error("the history is incomplete: " + reason);
}

void Recorder::initial(std::string_view item, Version version) {
  if (item.size() > kMaxName) return journal_->lose(1, detail::kNameTooLong);
  journal_->line([&](std::string& line) {
    line.append("initial ");
    format::append_name(line, item);
    line.push_back(' ');
    format::append_number(line, version);
  });
}

RecordedRead Recorder::begin_read(std::string_view key) {
  RecordedRead read(*journal_, key);
  read.began_ = journal_->now();
  full_fence();
  return read;
}

RecordedChange Recorder::begin_change(std::string_view item) {
  RecordedChange change(*journal_, item);
  change.began_ = journal_->now();
  // A kill from now on finds the change in the file.
  if (journal_->unbuffered() && !change.too_long_)
    journal_->line([&](std::string& line) {
      detail::append_operation(line, "change", change.thread_, change.began_, kNever);
      format::append(line, {change.text_.data(), change.text_.size()});
      line.append(" ?");
    });
  full_fence();
  return change;
}

}  // namespace watchbell::cache::testing
