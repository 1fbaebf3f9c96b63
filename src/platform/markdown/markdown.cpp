#include "platform/markdown/markdown.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <vector>

#include <cmark.h>
#include <fmt/format.h>

#include "base/text.hpp"

namespace watchbell::markdown {

namespace {

constexpr std::string_view kEllipsis = "…";
/// Keeps a mention from being one; takes no width.
constexpr std::string_view kZeroWidthSpace = "\u200b";
/// Stands for a backtick inside code, which no form can escape there.
constexpr std::string_view kGrave = "ˋ";
/// Lists and quotes deeper than that are not indented further, so that the output stays in proportion to the input.
constexpr std::size_t kDepthMax = 6;
constexpr std::size_t kUrlMax = 2048;

// The document.

struct FreeNode {
  void operator()(cmark_node* node) const noexcept { ::cmark_node_free(node); }
};
using Document = std::unique_ptr<cmark_node, FreeNode>;

std::string_view view(const char* text) { return text == nullptr ? std::string_view() : std::string_view(text); }

/// A URL that may stand in any form of markup, or nothing.
std::optional<std::string> safe_url(std::string_view url) {
  const auto scheme = ascii_lower(url.substr(0, 8));
  const bool web = scheme.starts_with("http://") || scheme.starts_with("https://");
  if (!web && !scheme.starts_with("mailto:")) return std::nullopt;
  // A name before the host shows another host than the one it leads to.
  if (web && url.substr(0, url.find_first_of("/?#\\", scheme.find("//") + 2)).contains('@')) return std::nullopt;
  std::string safe;
  for (const char c : url) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) return std::nullopt;
    if (byte >= 0x80 || (web && c == '@') || std::string_view(" <>\"'`\\|(){}[]^*").contains(c))
      safe += fmt::format("%{:02X}", byte);
    else
      safe += c;
  }
  if (safe.size() > kUrlMax || safe.size() <= safe.find(':') + (web ? 3 : 1)) return std::nullopt;
  return safe;
}

bool inside_link(cmark_node* node) {
  while ((node = ::cmark_node_parent(node)) != nullptr)
    if (::cmark_node_get_type(node) == CMARK_NODE_LINK) return true;
  return false;
}

/// Puts the children in the node's place.
void unwrap(cmark_node* node) {
  while (auto* child = ::cmark_node_first_child(node)) ::cmark_node_insert_before(node, child);
  ::cmark_node_free(node);
}

cmark_node* text_node(const std::string& text) {
  auto* node = ::cmark_node_new(CMARK_NODE_TEXT);
  ::cmark_node_set_literal(node, text.c_str());
  return node;
}

void replace(cmark_node* old, cmark_node* by) {
  ::cmark_node_replace(old, by);
  ::cmark_node_free(old);
}

void show_html_block(cmark_node* node) {
  auto* paragraph = ::cmark_node_new(CMARK_NODE_PARAGRAPH);
  std::string_view rest = trim(view(::cmark_node_get_literal(node)));
  while (true) {
    const auto end = std::min(rest.find('\n'), rest.size());
    ::cmark_node_append_child(paragraph, text_node(std::string(rest.substr(0, end))));
    if (end == rest.size()) break;
    ::cmark_node_append_child(paragraph, ::cmark_node_new(CMARK_NODE_LINEBREAK));
    rest.remove_prefix(end + 1);
  }
  replace(node, paragraph);
}

void judge_link(cmark_node* node) {
  const auto url = safe_url(view(::cmark_node_get_url(node)));
  if (url && ::cmark_node_first_child(node) == nullptr) ::cmark_node_append_child(node, text_node(*url));
  if (!url || inside_link(node)) return unwrap(node);
  if (::cmark_node_get_type(node) == CMARK_NODE_IMAGE) {
    auto* link = ::cmark_node_new(CMARK_NODE_LINK);
    while (auto* child = ::cmark_node_first_child(node)) ::cmark_node_append_child(link, child);
    replace(node, link);
    node = link;
  }
  ::cmark_node_set_url(node, url->c_str());
  ::cmark_node_set_title(node, "");
}

/// Reads a message and takes out what no form may hold.
Document parse(std::string_view markdown) {
  Document document(::cmark_parse_document(markdown.data(), markdown.size(), CMARK_OPT_VALIDATE_UTF8));
  std::vector<cmark_node*> nodes;
  auto* iterator = ::cmark_iter_new(document.get());
  for (auto event = ::cmark_iter_next(iterator); event != CMARK_EVENT_DONE; event = ::cmark_iter_next(iterator))
    if (event == CMARK_EVENT_ENTER) nodes.push_back(::cmark_iter_get_node(iterator));
  ::cmark_iter_free(iterator);
  // Outer ones first, so that a link inside a link is seen to be one.
  for (auto* node : nodes) {
    switch (::cmark_node_get_type(node)) {
      case CMARK_NODE_HTML_BLOCK:
        show_html_block(node);
        break;
      case CMARK_NODE_HTML_INLINE:
        replace(node, text_node(std::string(view(::cmark_node_get_literal(node)))));
        break;
      case CMARK_NODE_IMAGE:
      case CMARK_NODE_LINK:
        judge_link(node);
        break;
      case CMARK_NODE_CODE_BLOCK:
        ::cmark_node_set_fence_info(node, "");
        break;
      default:
        break;
    }
  }
  ::cmark_consolidate_text_nodes(document.get());
  return document;
}

/// Whether a link shows no more than where it leads.
bool shows_its_url(cmark_node* link) {
  auto* child = ::cmark_node_first_child(link);
  if (::cmark_node_get_type(child) != CMARK_NODE_TEXT || ::cmark_node_next(child) != nullptr) return false;
  const std::string text(view(::cmark_node_get_literal(child)));
  const auto url = view(::cmark_node_get_url(link));
  return url == text || url == "mailto:" + text || url == safe_url(text);
}

// The output.

/// Text that knows what is open and what it costs to close that, so that it can end anywhere. Once an atom does not fit, nothing is taken any more.
class Out {
 public:
  explicit Out(Limit limit) : limit_(limit) {}

  bool full() const noexcept { return full_; }
  /// Whether nothing of a line's own has been written on it.
  bool at_line_begin() const noexcept { return fresh_; }

  /// What cannot be parted.
  void put(std::string_view atom) {
    begin_line();
    if (fits(cost(atom))) append(atom);
    fresh_ = false;
  }
  /// What is to be ended by `end`.
  void open(std::string_view begin, std::string end) {
    begin_line();
    if (!fits(cost(begin) + cost(end))) return;
    append(begin);
    open_cost_ += cost(end);
    open_.push_back({std::string(begin), std::move(end)});
    fresh_ = false;
  }
  void close() {
    if (full_) return;  // finish() does
    open_cost_ -= cost(open_.back().end);
    append(open_.back().end);
    open_.pop_back();
    begun_ = true;  // also where the end brought a line of its own
  }
  void new_line() {
    if (!begun_) {
      const auto end = prefix_.find_last_not_of(' ');
      put_raw(prefix_.substr(0, end == std::string::npos ? 0 : end + 1));
    }
    put_raw("\n");
    begun_ = false;
    fresh_ = true;
  }
  /// What every further line begins with; `first` stands for it on this line if that has begun already.
  void indent(std::string_view prefix, std::string_view first) {
    if (!first.empty()) {
      begin_line();
      put_raw(first);
    } else if (begun_) {
      put_raw(prefix);
    }
    indents_.push_back(indents_.size() < kDepthMax ? prefix.size() : 0);
    if (indents_.back() != 0) prefix_ += prefix;
  }
  void outdent() {
    prefix_.resize(prefix_.size() - indents_.back());
    indents_.pop_back();
  }
  const std::string& prefix() const noexcept { return prefix_; }

  std::string finish() {
    if (full_ && cost(kEllipsis) <= limit_.max) text_ += kEllipsis;
    while (!open_.empty()) {
      text_ += open_.back().end;
      open_.pop_back();
    }
    return std::move(text_);
  }

 private:
  struct Open {
    std::string begin;
    std::string end;
  };
  std::size_t cost(std::string_view text) const noexcept { return length(text, limit_.unit); }
  bool fits(std::size_t more) {
    if (full_) return false;
    const bool bounded = limit_.max != SIZE_MAX;
    if (bounded && used_ + open_cost_ + more + cost(kEllipsis) > limit_.max) full_ = true;
    return !full_;
  }
  void append(std::string_view text) {
    text_ += text;
    used_ += cost(text);
  }
  void put_raw(std::string_view text) {
    if (fits(cost(text))) append(text);
  }
  void begin_line() {
    if (!begun_) put_raw(prefix_);
    begun_ = true;
  }

  Limit limit_;
  std::string text_;
  std::size_t used_ = 0;
  std::vector<Open> open_;
  std::size_t open_cost_ = 0;
  std::string prefix_;
  std::vector<std::size_t> indents_;
  bool begun_ = false;
  bool fresh_ = true;
  bool full_ = false;
};

// Text.

std::size_t character_length(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  return std::min<std::size_t>(lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4, text.size());
}

bool is_control(char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; }
bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

/// Bytes of a web address at the begin of the text; 0 when there is none.
std::size_t web_address(std::string_view text) {
  const std::size_t scheme = text.starts_with("https://") ? 8 : text.starts_with("http://") ? 7 : 0;
  if (scheme == 0) return 0;
  std::size_t end = scheme;
  while (end < text.size() && (is_word(text[end]) || std::string_view("-._~:/?#&=%+,;!$").contains(text[end]))) ++end;
  while (end > scheme && std::string_view(".,;:!?_~").contains(text[end - 1])) --end;
  return end > scheme ? end : 0;
}

/// Whether what follows an @ would call everybody, or may once the text goes on: what comes next need not be parted from it by a mark.
bool may_name_everybody(std::string_view text) {
  static constexpr std::array<std::string_view, 4> names{"everyone", "here", "channel", "all"};
  const auto lower = ascii_lower(text.substr(0, 8));
  return std::ranges::any_of(names, [&](std::string_view name) { return lower.starts_with(name) || name.starts_with(lower); });
}

std::string_view html_entity(char c) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    default:
      return {};
  }
}

std::string html_escaped(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (const auto entity = html_entity(c); !entity.empty())
      escaped += entity;
    else
      escaped += c;
  }
  return escaped;
}

/// Whether markup is made of characters that people type, mentions among them, rather than of tags or not at all.
bool marks_by_characters(Format format) { return format != Format::plain && format != Format::telegram; }
bool is_markdown(Format format) { return format == Format::discord || format == Format::webex; }

/// Writes text as the form shows it. `code` is text inside code, where markdown has no escapes.
class Escaper {
 public:
  Escaper(Format format, Out& out) : format_(format), out_(out) {}

  void write(std::string_view given, bool code, bool link_addresses) {
    // First of all, or they would hide what they stand between.
    std::string text(given);
    std::erase_if(text, [](char c) { return is_control(c) && c != '\n'; });
    char before = ' ';
    // Behind a number that begins a line a full stop or bracket would make a list of it.
    bool numbering = out_.at_line_begin();
    for (std::size_t i = 0; i < text.size() && !out_.full();) {
      const auto rest = std::string_view(text).substr(i);
      if (!code && !is_word(before) && marks_by_characters(format_)) {
        if (const auto bytes = web_address(rest); bytes > 0 && bytes <= kUrlMax) {
          address(rest.substr(0, bytes), link_addresses);
          i += bytes;
          before = last_ = text[i - 1];
          numbering = false;
          continue;
        }
      }
      const auto bytes = character_length(rest);
      const char c = rest.front();
      if (bytes > 1)
        out_.put(rest.substr(0, bytes));
      else if (c == '\n')
        out_.put(" ");
      else
        character(c, code, numbering);
      const bool mentions = c == '@' && marks_by_characters(format_);
      if (mentions && (last_ == '<' || may_name_everybody(rest.substr(1)))) out_.put(kZeroWidthSpace);
      numbering = numbering && c >= '0' && c <= '9';
      before = last_ = c;
      i += bytes;
    }
  }

 private:
  void address(std::string_view url, bool link) {
    switch (format_) {
      case Format::slack:
        return out_.put(link ? "<" + html_escaped(url) + ">" : html_escaped(url));
      case Format::webex:
        return out_.put(html_escaped(url));
      case Format::plain:
      case Format::telegram:
      case Format::discord:
        return out_.put(url);
    }
  }
  void character(char c, bool code, bool numbering) {
    const std::string_view one(&c, 1);
    if (code && c == '`' && marks_by_characters(format_)) return out_.put(kGrave);
    if (format_ == Format::slack || format_ == Format::telegram || (format_ == Format::webex && !code)) {
      if (const auto entity = html_entity(c); !entity.empty()) return out_.put(entity);
    }
    const bool special =
        std::string_view("\\`*_~|<>#[]").contains(c) || (out_.at_line_begin() && std::string_view("-+=").contains(c)) || (numbering && (c == '.' || c == ')'));
    if (is_markdown(format_) && !code && special) return out_.put(std::string("\\") + c);
    out_.put(one);
  }

  Format format_;
  Out& out_;
  char last_ = ' ';  ///< of the text before, too
};

// The walk.

struct LinkMarks {
  std::string begin;
  std::string end;
};

/// @param url  safe
LinkMarks link_marks(Format format, const std::string& url) {
  switch (format) {
    case Format::plain:
      return {"", " (" + url + ")"};
    case Format::slack:
      return {"<" + html_escaped(url) + "|", ">"};
    case Format::telegram:
      return {"<a href=\"" + html_escaped(url) + "\">", "</a>"};
    case Format::discord:
      return {"[", "](" + url + ")"};
    case Format::webex:
      break;
  }
  return {"[", "](" + html_escaped(url) + ")"};
}

struct Marks {
  std::string_view strong_begin, strong_end;
  std::string_view emph_begin, emph_end;
  std::string_view code_begin, code_end;
  std::string_view bullet;
};

const Marks& marks_of(Format format) {
  static constexpr Marks plain{"", "", "", "", "", "", "- "};
  static constexpr Marks slack{"*", "*", "_", "_", "`", "`", "• "};
  static constexpr Marks telegram{"<b>", "</b>", "<i>", "</i>", "<code>", "</code>", "• "};
  static constexpr Marks markdown{"**", "**", "*", "*", "`", "`", "- "};
  switch (format) {
    case Format::plain:
      return plain;
    case Format::slack:
      return slack;
    case Format::telegram:
      return telegram;
    case Format::discord:
    case Format::webex:
      break;
  }
  return markdown;
}

class Renderer {
 public:
  Renderer(Format format, Limit limit) : format_(format), marks_(marks_of(format)), out_(limit), escaper_(format, out_) {}

  std::string run(cmark_node* document) {
    auto* iterator = ::cmark_iter_new(document);
    for (auto event = ::cmark_iter_next(iterator); event != CMARK_EVENT_DONE && !out_.full(); event = ::cmark_iter_next(iterator)) {
      auto* node = ::cmark_iter_get_node(iterator);
      if (event == CMARK_EVENT_ENTER)
        enter(node);
      else
        leave(node);
    }
    ::cmark_iter_free(iterator);
    return out_.finish();
  }

 private:
  enum class Mark { strong, emph };

  void enter(cmark_node* node) {
    if (is_block(node)) part_from_previous(node);
    switch (::cmark_node_get_type(node)) {
      case CMARK_NODE_BLOCK_QUOTE:
        return begin_quote();
      case CMARK_NODE_LIST:
        return numbers_.push_back(::cmark_node_get_list_start(node));
      case CMARK_NODE_ITEM:
        return begin_item(node);
      case CMARK_NODE_CODE_BLOCK:
        return code_block(view(::cmark_node_get_literal(node)));
      case CMARK_NODE_HEADING:
        return begin_mark(Mark::strong);
      case CMARK_NODE_THEMATIC_BREAK:
        return out_.put("———");
      case CMARK_NODE_TEXT:
        return escaper_.write(view(::cmark_node_get_literal(node)), false, !in_link_);
      case CMARK_NODE_CODE:
        return code(view(::cmark_node_get_literal(node)));
      case CMARK_NODE_SOFTBREAK:
      case CMARK_NODE_LINEBREAK:
        return line_break();
      case CMARK_NODE_STRONG:
        return begin_mark(Mark::strong);
      case CMARK_NODE_EMPH:
        return begin_mark(Mark::emph);
      case CMARK_NODE_LINK:
        return begin_link(node);
      default:
        return;
    }
  }
  void leave(cmark_node* node) {
    switch (::cmark_node_get_type(node)) {
      case CMARK_NODE_BLOCK_QUOTE:
        return end_quote();
      case CMARK_NODE_LIST:
        return numbers_.pop_back();
      case CMARK_NODE_ITEM:
        return out_.outdent();
      case CMARK_NODE_HEADING:
      case CMARK_NODE_STRONG:
        return end_mark(Mark::strong);
      case CMARK_NODE_EMPH:
        return end_mark(Mark::emph);
      case CMARK_NODE_LINK:
        return end_link();
      default:
        return;
    }
  }

  static bool is_block(cmark_node* node) {
    const auto type = ::cmark_node_get_type(node);
    return type > CMARK_NODE_DOCUMENT && type <= CMARK_NODE_LAST_BLOCK;
  }
  void part_from_previous(cmark_node* node) {
    if (::cmark_node_previous(node) == nullptr) return;
    out_.new_line();
    auto* parent = ::cmark_node_parent(node);
    const bool item = ::cmark_node_get_type(node) == CMARK_NODE_ITEM;
    const bool in_tight_item = ::cmark_node_get_type(parent) == CMARK_NODE_ITEM && ::cmark_node_get_list_tight(::cmark_node_parent(parent)) != 0;
    if (!item && !in_tight_item) out_.new_line();
  }

  void begin_quote() {
    ++quotes_;
    if (format_ != Format::telegram) return out_.indent("> ", "");
    if (quotes_ == 1) out_.open("<blockquote>", "</blockquote>");  // they may not stand in each other
  }
  void end_quote() {
    --quotes_;
    if (format_ != Format::telegram) return out_.outdent();
    if (quotes_ == 0) out_.close();
  }
  void begin_item(cmark_node* node) {
    if (::cmark_node_get_list_type(::cmark_node_parent(node)) != CMARK_ORDERED_LIST) return out_.indent("  ", marks_.bullet);
    const std::string first = fmt::format("{}. ", numbers_.back()++);
    out_.indent(std::string(first.size(), ' '), first);
  }
  void code_block(std::string_view literal) {
    if (literal.ends_with('\n')) literal.remove_suffix(1);
    switch (format_) {
      case Format::plain:
        out_.indent("    ", "");
        break;
      case Format::telegram:
        out_.open("<pre>", "</pre>");
        break;
      case Format::slack:
      case Format::discord:
      case Format::webex:
        out_.open("```", "\n" + out_.prefix() + "```");
        out_.new_line();
        break;
    }
    while (!out_.full()) {
      const auto end = std::min(literal.find('\n'), literal.size());
      out_.put("");  // an empty line, too, is one of the code's
      escaper_.write(literal.substr(0, end), true, false);
      if (end == literal.size()) break;
      literal.remove_prefix(end + 1);
      out_.new_line();
    }
    if (format_ == Format::plain)
      out_.outdent();
    else
      out_.close();
  }

  void code(std::string_view literal) {
    if (format_ == Format::slack && in_link_) return escaper_.write(literal, true, false);
    out_.open(marks_.code_begin, std::string(marks_.code_end));
    escaper_.write(literal, true, false);
    out_.close();
  }
  std::string_view begin_of(Mark mark) const { return mark == Mark::strong ? marks_.strong_begin : marks_.emph_begin; }
  std::string_view end_of(Mark mark) const { return mark == Mark::strong ? marks_.strong_end : marks_.emph_end; }
  int& depth_of(Mark mark) { return mark == Mark::strong ? strongs_ : emphs_; }
  /// Marks inside marks of their kind are none, nor are marks in the text of a link of Slack.
  bool shown(Mark mark) { return depth_of(mark) == 1 && !(format_ == Format::slack && in_link_); }
  void begin_mark(Mark mark) {
    ++depth_of(mark);
    if (!shown(mark)) return;
    out_.open(begin_of(mark), std::string(end_of(mark)));
    if (!out_.full()) open_marks_.push_back(mark);
  }
  void end_mark(Mark mark) {
    if (shown(mark)) {
      out_.close();
      if (!out_.full()) open_marks_.pop_back();
    }
    --depth_of(mark);
  }
  void line_break() {
    if (format_ == Format::slack && in_link_) return out_.put(" ");
    // Slack's marks end with the line.
    const bool reopen = format_ == Format::slack;
    if (reopen)
      for (std::size_t i = 0; i < open_marks_.size(); ++i) out_.close();
    out_.new_line();
    if (reopen)
      for (const auto mark : open_marks_) out_.open(begin_of(mark), std::string(end_of(mark)));
  }

  void begin_link(cmark_node* node) {
    in_link_ = true;
    const std::string url(view(::cmark_node_get_url(node)));
    const bool bare = shows_its_url(node);
    open_link(url, bare);
    if (::cmark_node_first_child(node) == nullptr) escaper_.write(url, false, false);
  }
  void open_link(const std::string& url, bool bare) {
    if (bare && (format_ == Format::plain || is_markdown(format_))) return out_.open("", "");
    auto [begin, end] = link_marks(format_, url);
    out_.open(begin, std::move(end));
  }
  void end_link() {
    in_link_ = false;
    out_.close();
  }

  Format format_;
  const Marks& marks_;
  Out out_;
  Escaper escaper_;
  int quotes_ = 0;
  int strongs_ = 0;
  int emphs_ = 0;
  std::vector<Mark> open_marks_;
  bool in_link_ = false;
  std::vector<std::int64_t> numbers_;  ///< of the next item, of each list that is open
};

/// What `write` makes without a limit, unless that is too long.
template <class Write>
std::string within(Limit limit, Write write) {
  auto whole = write(Limit{.max = SIZE_MAX, .unit = limit.unit});
  return length(whole, limit.unit) <= limit.max ? whole : write(limit);
}

}  // namespace

std::size_t length(std::string_view text, Limit::Unit unit) noexcept { return unit == Limit::Unit::bytes ? text.size() : utf16_length(text); }

std::string render(Format format, std::string_view markdown, Limit limit) {
  const auto document = parse(markdown);
  return within(limit, [&](Limit bound) { return Renderer(format, bound).run(document.get()); });
}

std::string literal(Format format, std::string_view text, Limit limit) {
  return within(limit, [&](Limit bound) {
    Out out(bound);
    Escaper(format, out).write(text, false, true);
    return out.finish();
  });
}

std::string link(Format format, std::string_view text, std::string_view url) {
  const auto safe = safe_url(url);
  if (!safe) return {};
  const auto [begin, end] = link_marks(format, *safe);
  Out out(Limit{});
  out.put(begin);
  Escaper(format, out).write(text, false, false);
  out.put(end);
  return out.finish();
}

std::string to_mail_html(std::string_view markdown) {
  const auto document = parse(markdown);
  // Without CMARK_OPT_UNSAFE: a second lock behind parse().
  const std::unique_ptr<char, decltype(&::free)> html(::cmark_render_html(document.get(), CMARK_OPT_HARDBREAKS), ::free);
  std::string text(html.get());
  std::erase_if(text, [](char c) { return is_control(c) && c != '\n'; });
  return text;
}

}  // namespace watchbell::markdown
