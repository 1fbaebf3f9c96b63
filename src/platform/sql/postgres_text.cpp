// The lexical rules are those of PostgreSQL's manual, 4.1, with standard_conforming_strings on, as every connection sets it.
#include "platform/sql/postgres_text.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "platform/sql/fault.hpp"

namespace watchbell::sql::detail {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80; }
bool is_name(char c) { return is_name_start(c) || is_digit(c) || c == '$'; }

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

Fault refused(std::string_view why, std::string_view sql) { return {Fault::Kind::schema, fmt::format("{}: {}", why, brief(sql))}; }

/// Cuts SQL into tokens, only as fine as is needed here.
class Scanner {
 public:
  enum class Kind { word, parameter, semicolon, opaque /* quoted, a comment, white space, or a sign */, end };
  struct Token {
    Kind kind;
    std::string_view text;
  };

  explicit Scanner(std::string_view sql) : sql_(sql) {}

  Token next() {
    const std::size_t from = at_;
    if (at_ == sql_.size()) return {Kind::end, {}};
    const char c = sql_[at_];
    if (c == ';') {
      ++at_;
      return {Kind::semicolon, sql_.substr(from, 1)};
    }
    if (c == ':') {
      ++at_;
      if (peek(0) == ':') {
        ++at_;
        return opaque(from);
      }
      while (is_digit(peek(0))) ++at_;
      // A sign of its own, as in a slice of an array, or a name, which we do not have; the server says so.
      return {at_ - from > 1 ? Kind::parameter : Kind::opaque, sql_.substr(from, at_ - from)};
    }
    if (c == '\'') return quoted(from, '\'', from > 0 && lower(sql_[from - 1]) == 'e' && (from < 2 || !is_name(sql_[from - 2])));
    if (c == '"') return quoted(from, '"', false);
    if (c == '$') return dollar(from);
    if (c == '-' && peek(1) == '-') {
      at_ = std::min(sql_.find('\n', at_), sql_.size());
      return opaque(from);
    }
    if (c == '/' && peek(1) == '*') return comment(from);
    if (is_name_start(c)) {
      while (at_ < sql_.size() && is_name(sql_[at_])) ++at_;
      return {Kind::word, sql_.substr(from, at_ - from)};
    }
    ++at_;
    return opaque(from);
  }

 private:
  char peek(std::size_t ahead) const { return at_ + ahead < sql_.size() ? sql_[at_ + ahead] : '\0'; }
  Token opaque(std::size_t from) const { return {Kind::opaque, sql_.substr(from, at_ - from)}; }

  Token quoted(std::size_t from, char mark, bool escapes) {
    for (++at_; at_ < sql_.size(); ++at_) {
      if (escapes && sql_[at_] == '\\') {
        ++at_;
      } else if (sql_[at_] == mark && peek(1) == mark) {
        ++at_;
      } else if (sql_[at_] == mark) {
        ++at_;
        return opaque(from);
      }
    }
    at_ = sql_.size();
    return opaque(from);
  }
  Token dollar(std::size_t from) {
    std::size_t end = at_ + 1;
    if (end < sql_.size() && is_digit(sql_[end])) throw refused("parameters are written :1", sql_);
    while (end < sql_.size() && is_name(sql_[end]) && sql_[end] != '$') ++end;
    if (end < sql_.size() && sql_[end] == '$') {
      const auto tag = sql_.substr(at_, end + 1 - at_);
      const auto close = sql_.find(tag, end + 1);
      at_ = close == std::string_view::npos ? sql_.size() : close + tag.size();
    } else {
      ++at_;
    }
    return opaque(from);
  }
  Token comment(std::size_t from) {
    int depth = 0;
    while (at_ < sql_.size()) {
      if (peek(0) == '/' && peek(1) == '*') {
        ++depth;
        at_ += 2;
      } else if (peek(0) == '*' && peek(1) == '/') {
        at_ += 2;
        if (--depth == 0) break;
      } else {
        ++at_;
      }
    }
    return opaque(from);
  }

  std::string_view sql_;
  std::size_t at_ = 0;
};

bool is_blank(std::string_view text) {
  return text.starts_with("--") || text.starts_with("/*") || text.find_first_not_of(" \t\r\n\f\v") == std::string_view::npos;
}

/// What a statement may not begin with: transactions are begun and ended by Connection::control(), prepared statements are the driver's own, and COPY leaves
/// the protocol of question and answer.
bool is_control(std::string_view word) {
  static constexpr std::array words{"abort",   "begin",   "commit",  "copy",     "deallocate", "discard", "end",
                                    "execute", "prepare", "release", "rollback", "savepoint",  "start"};
  std::string folded(word);
  std::ranges::transform(folded, folded.begin(), lower);
  return std::ranges::find(words, folded) != words.end();
}

}  // namespace

PostgresText postgres_text(std::string_view sql) {
  PostgresText out;
  out.sql.reserve(sql.size());
  std::vector<bool> seen;
  bool begun = false;
  bool ended = false;
  Scanner scanner(sql);
  for (auto token = scanner.next(); token.kind != Scanner::Kind::end; token = scanner.next()) {
    const bool blank = token.kind == Scanner::Kind::opaque && is_blank(token.text);
    if (token.kind == Scanner::Kind::semicolon) {
      ended = true;
      continue;
    }
    if (!blank) {
      if (ended) throw refused("more than one statement", sql);
      if (!begun && token.kind == Scanner::Kind::word && is_control(token.text)) throw refused("transactions are begun and ended elsewhere", sql);
      begun = true;
    }
    if (token.kind != Scanner::Kind::parameter) {
      out.sql += token.text;
      continue;
    }
    std::size_t number = 0;
    for (const char digit : token.text.substr(1)) number = std::min<std::size_t>(number * 10 + static_cast<std::size_t>(digit - '0'), 100'000);
    if (number < 1 || number > 10'000) throw refused("parameters are not :1 to the last without a gap", sql);
    if (seen.size() < number) seen.resize(number);
    seen[number - 1] = true;
    out.sql += '$';
    out.sql += token.text.substr(1);
  }
  if (!begun) throw refused("an empty statement", sql);
  if (std::ranges::find(seen, false) != seen.end()) throw refused("parameters are not :1 to the last without a gap", sql);
  out.parameters = seen.size();
  return out;
}

void require_postgres_script(std::string_view sql) {
  bool begun = false;
  Scanner scanner(sql);
  for (auto token = scanner.next(); token.kind != Scanner::Kind::end; token = scanner.next()) {
    if (token.kind == Scanner::Kind::semicolon) {
      begun = false;
      continue;
    }
    if (begun || (token.kind == Scanner::Kind::opaque && is_blank(token.text))) continue;
    begun = true;
    if (token.kind == Scanner::Kind::word && is_control(token.text)) throw refused("a script may not begin or end transactions", token.text);
  }
}

}  // namespace watchbell::sql::detail
