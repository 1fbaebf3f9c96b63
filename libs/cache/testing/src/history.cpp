#include <watchbell/cache/testing/history.hpp>

#include "format.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <istream>
#include <limits>
#include <map>
#include <system_error>
#include <tuple>
#include <utility>

namespace watchbell::cache::testing {

NameId History::id(std::string_view name) {
  if (const auto found = ids_.find(name); found != ids_.end()) return found->second;
  if (names_.size() == std::numeric_limits<NameId>::max()) throw HistoryError("too many names");
  const auto id = static_cast<NameId>(names_.size());
  ids_.emplace(names_.emplace_back(name), id);
  return id;
}

std::uint32_t History::add_source(std::string file, std::string process, const std::string& clock) {
  if (sources_.empty()) clock_ = clock;
  if (clock != clock_) throw HistoryError(file + ":1: recorded by clock " + clock + ", the files before it by " + clock_);
  sources_.push_back({std::move(file), std::move(process)});
  return static_cast<std::uint32_t>(sources_.size() - 1);
}

std::size_t History::add(Operation operation, std::span<const Seen> seen) {
  operation.seen_first = seen_.size();
  operation.seen_count = static_cast<std::uint32_t>(seen.size());
  seen_.insert(seen_.end(), seen.begin(), seen.end());
  operations_.push_back(operation);
  return operations_.size() - 1;
}

namespace {

/// Reads one file. Every byte of it may be anything.
class Parser {
 public:
  Parser(std::istream& in, const std::string& file, History& history) : in_(in), file_(file), history_(history) {}

  void read() {
    if (!next_line()) fail("empty, not a history");
    header();
    while (next_line()) {
      if (ended_) fail("a line after the end");
      operation();
    }
    if (!ended_ && !unbuffered_) {
      ++line_number_;
      fail("no end line: the recorder was not closed, so operations may be missing");
    }
    for (const auto& [key, waiting] : begun_) history_.add(waiting, {});
  }

 private:
  using Begun = std::tuple<std::uint32_t, Ticks, NameId>;  // thread, began, item

  [[noreturn]] void fail(const std::string& what) const { throw HistoryError(file_ + ":" + std::to_string(line_number_) + ": " + what); }

  /// False at the end of the file.
  bool next_line() {
    if (line_number_ == std::numeric_limits<std::uint32_t>::max()) fail("too many lines");
    std::size_t count = 0;
    while (true) {
      in_.getline(buffer_.data() + count, static_cast<std::streamsize>(buffer_.size() - count));
      count += static_cast<std::size_t>(in_.gcount());
      const bool filled = in_.fail() && !in_.eof() && !in_.bad();
      if (!filled || buffer_.size() > kMaxLine) break;
      buffer_.resize(std::min(2 * buffer_.size(), kMaxLine + 1));  // with getline's NUL
      in_.clear();
    }
    if (in_.bad()) fail("cannot be read");
    if (in_.eof()) {
      if (count == 0) return false;
      ++line_number_;
      // The writer of an unbuffered file was killed within this line; its operation had no effect on anybody yet.
      if (unbuffered_) return false;
      fail("cut off within the line");
    }
    ++line_number_;
    if (in_.fail()) fail("longer than " + std::to_string(kMaxLine) + " bytes");
    rest_ = {buffer_.data(), count - 1};
    at_end_ = false;
    return true;
  }

  bool at_end() const { return at_end_; }

  std::string_view field(const char* what) {
    if (at_end_) fail(std::string(what) + " is missing");
    const auto space = rest_.find(' ');
    const auto result = rest_.substr(0, space);
    if (result.empty()) fail(std::string(what) + " is empty");
    at_end_ = space == std::string_view::npos;
    rest_.remove_prefix(at_end_ ? rest_.size() : space + 1);
    return result;
  }

  template <class Number>
  Number number(const char* what) {
    return number_in<Number>(field(what), what);
  }
  template <class Number>
  Number number_in(std::string_view text, const char* what) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc::result_out_of_range) fail(std::string(what) + " is too large");
    if (error != std::errc() || end != text.data() + text.size()) fail(std::string(what) + " is not a number");
    return value;
  }

  std::string_view name(const char* what) {
    const auto text = field(what);
    name_.clear();
    if (text == "%") return name_;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const char c = text[i];
      if (format::is_plain(c)) {
        name_.push_back(c);
        continue;
      }
      if (c != '%') fail(std::string(what) + " holds a byte that is not escaped");
      const auto digits = text.substr(i + 1, 2);
      unsigned byte = 0;
      const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
      if (digits.size() != 2 || error != std::errc() || end != digits.data() + 2) fail(std::string(what) + " has a % without two hex digits");
      name_.push_back(static_cast<char>(byte));
      i += 2;
    }
    if (name_.size() > kMaxName) fail(std::string(what) + " is longer than " + std::to_string(kMaxName) + " bytes");
    return name_;
  }

  Ticks instant(std::string_view text, const char* what) {
    const auto ticks = number_in<Ticks>(text, what);
    if (ticks == kNever) fail(std::string(what) + " is too large");
    return ticks;
  }

  void header() {
    if (field("the format") != format::kMagic) fail("not a history: it does not begin with " + std::string(format::kMagic));
    if (field("the format's version") != format::kVersion) fail("not of version " + std::string(format::kVersion) + " of the format");
    const auto flush = field("the way of flushing");
    if (flush != format::kBuffered && flush != format::kUnbuffered) fail("the way of flushing is neither buffered nor unbuffered");
    unbuffered_ = flush == format::kUnbuffered;
    const std::string clock(name("the clock"));
    const std::string process(name("the process"));
    line_end();
    source_ = history_.add_source(file_, process, clock);
  }

  void line_end() const {
    if (!at_end()) fail("more fields than the line may have");
  }

  void operation() {
    const auto kind = field("the kind of the line");
    if (kind == "end") {
      if (number<std::uint64_t>("the number of lines") != lines_)
        fail("counts other than the " + std::to_string(lines_) + " lines before it: lines are missing");
      line_end();
      ended_ = true;
      return;
    }
    if (kind == "lost") {
      const auto count = number<std::uint64_t>("the number of operations");
      const std::string reason(name("the reason"));
      line_end();
      fail("the recorder lost " + std::to_string(count) + " operations: " + reason);
    }
    ++lines_;
    Operation op;
    op.source = source_;
    op.line = line_number_;
    if (kind == "initial") return initial(op);
    if (kind != "change" && kind != "read") fail("neither initial, change, read, lost nor end");
    op.kind = kind == "read" ? Operation::Kind::read : Operation::Kind::change;
    op.thread = number<std::uint32_t>("the thread");
    op.began = instant(field("began"), "began");
    if (const auto returned = field("returned"); returned != "-") op.returned = instant(returned, "returned");
    if (op.returned < op.began) fail("returned before it began");
    if (op.kind == Operation::Kind::read)
      read_seen(op);
    else
      change(op);
  }

  void initial(Operation op) {
    op.kind = Operation::Kind::initial;
    op.returned = 0;
    op.name = history_.id(name("the item"));
    const Seen seen{op.name, number<Version>("the version")};
    line_end();
    history_.add(op, {&seen, 1});
  }

  void change(Operation op) {
    op.name = history_.id(name("the item"));
    const auto version = field("the version");
    Seen seen{op.name, 0};
    const bool known = version != "?";
    const bool committed = version != "-";
    if (known && committed) seen.version = number_in<Version>(version, "the version");
    line_end();
    if (!known && op.returned != kNever) fail("the change returned, but its version is unknown");
    const Begun key{op.thread, op.began, op.name};
    if (unbuffered_ && !known) {
      begun_.emplace(key, op);
      return;
    }
    if (const auto begun = begun_.find(key); begun != begun_.end()) begun_.erase(begun);
    if (!committed) return;
    history_.add(op, known ? std::span<const Seen>(&seen, 1) : std::span<const Seen>());
  }

  void read_seen(Operation op) {
    op.name = history_.id(name("the key"));
    seen_.clear();
    while (!at_end()) {
      const NameId item = history_.id(name("an item"));
      seen_.push_back({item, number<Version>("the version of an item")});
    }
    history_.add(op, seen_);
  }

  std::istream& in_;
  const std::string& file_;
  History& history_;
  std::vector<char> buffer_ = std::vector<char>(1024);
  std::string_view rest_;
  bool at_end_ = true;
  std::string name_;
  std::vector<Seen> seen_;
  std::multimap<Begun, Operation> begun_;  // changes of an unbuffered file that have not ended
  std::uint32_t line_number_ = 0;
  std::uint64_t lines_ = 0;
  std::uint32_t source_ = 0;
  bool unbuffered_ = false;
  bool ended_ = false;
};

}  // namespace

void read_history(std::istream& in, const std::string& name, History& into) { Parser(in, name, into).read(); }

History read_history(std::span<const std::filesystem::path> files) {
  History history;
  for (const auto& file : files) {
    std::ifstream in(file, std::ios::binary);
    if (!in) throw HistoryError(file.string() + ": " + std::generic_category().message(errno));
    read_history(in, file.string(), history);
  }
  return history;
}

}  // namespace watchbell::cache::testing
