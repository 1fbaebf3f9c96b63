#include "platform/redis/reply_reader.hpp"

#include <hiredis/hiredis.h>

#include <cerrno>
#include <cstdlib>
#include <limits>
#include <new>

#include <boost/asio/error.hpp>
#include <boost/system/error_code.hpp>

#include "base/assert.hpp"

// hiredis parses and calls us to make each object. Our objects live in one tree, root_, that is moved out when it is whole. While it grows, the arrays
// that hiredis holds pointers to are each the last item of their parent, so that appending to the innermost moves none of them.

namespace watchbell::redis {
namespace {

// Status, error and number lines, and the head of a text.
constexpr std::size_t kMaxLine = 64 * 1024;
constexpr std::size_t kMaxLengthLine = 24;

boost::system::error_code bad_message() { return {EBADMSG, boost::system::system_category()}; }

}  // namespace

struct ReplyReader::Impl {
  explicit Impl(const ReplyLimits& given) : limits(given), reader(::redisReaderCreateWithFunctions(&functions)) {
    if (reader == nullptr) throw std::bad_alloc();
    reader->privdata = this;
  }
  ~Impl() { ::redisReaderFree(reader); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  static Impl& of(const redisReadTask* task) { return *static_cast<Impl*>(task->privdata); }

  /// The place of a new object, or null when it would be too much. hiredis is C: no exception may pass through it.
  Reply* make(const redisReadTask* task, Reply::Kind kind, std::size_t text_bytes) noexcept try {
    used += sizeof(Reply) + text_bytes;
    if (used > limits.max_call_bytes) return refuse("the replies are too large together");
    Reply* reply = &root;
    if (task->parent != nullptr)
      reply = &static_cast<Reply*>(task->parent->obj)->items.emplace_back();
    else
      root = Reply();
    reply->kind = kind;
    return reply;
  } catch (const std::bad_alloc&) {
    return refuse("out of memory");
  }
  Reply* refuse(const char* reason) noexcept {
    refused = reason;
    return nullptr;
  }

  static void* make_text(const redisReadTask* task, char* text, std::size_t size) noexcept {
    Impl& self = of(task);
    if (size > self.limits.max_text_bytes || (task->type != REDIS_REPLY_STRING && size > kMaxLine)) return self.refuse("a text is too large");
    Reply* reply = self.make(task, task->type == REDIS_REPLY_ERROR ? Reply::Kind::error : Reply::Kind::text, size);
    if (reply == nullptr) return nullptr;
    try {
      reply->text.assign(text, size);
    } catch (const std::bad_alloc&) {
      return self.refuse("out of memory");
    }
    return reply;
  }
  static void* make_array(const redisReadTask* task, int count) noexcept {
    Impl& self = of(task);
    std::size_t depth = 1;
    for (const redisReadTask* above = task->parent; above != nullptr; above = above->parent) ++depth;
    if (depth > self.limits.max_depth) return self.refuse("arrays are nested too deep");
    if (count < 0 || static_cast<std::size_t>(count) > self.limits.max_items) return self.refuse("an array is too long");
    return self.make(task, Reply::Kind::array, 0);
  }
  static void* make_integer(const redisReadTask* task, long long value) noexcept {
    Reply* reply = of(task).make(task, Reply::Kind::integer, 0);
    if (reply != nullptr) reply->integer = value;
    return reply;
  }
  static void* make_null(const redisReadTask* task) noexcept { return of(task).make(task, Reply::Kind::null, 0); }
  static void free_nothing(void*) noexcept {}

  Outcome<std::optional<Reply>> broken(boost::system::error_code code, std::string reason) {
    error = code;
    why = std::move(reason);
    root = Reply();
    return error;
  }

  /// Looks at what hiredis keeps for later, so that a length in its head is refused before its bytes have come.
  const char* judge_unread() const noexcept {
    const std::size_t unread = reader->len - reader->pos;
    if (unread == 0 || reader->ridx < 0) return nullptr;
    if (reader->rstack[reader->ridx].type != REDIS_REPLY_STRING) return unread > kMaxLine ? "a line is too long" : nullptr;
    std::uint64_t length = 0;
    const char* at = reader->buf + reader->pos;
    for (std::size_t i = 0; i < unread && at[i] != '\r'; ++i) {
      if (i >= kMaxLengthLine) return "a length is too long";
      if (at[i] < '0' || at[i] > '9') continue;  // the parser judges it once the line is whole
      length = length * 10 + static_cast<std::uint64_t>(at[i] - '0');
      if (length > limits.max_text_bytes) return "a text is too large";
    }
    return nullptr;
  }

  static redisReplyObjectFunctions functions;
  ReplyLimits limits;
  redisReader* reader;
  Reply root;
  std::size_t used = 0;
  const char* refused = nullptr;
  boost::system::error_code error;
  std::string why;
};

redisReplyObjectFunctions ReplyReader::Impl::functions{make_text, make_array, make_integer, make_null, free_nothing};

ReplyReader::ReplyReader(const ReplyLimits& limits) : impl_(std::make_unique<Impl>(limits)) {}
ReplyReader::~ReplyReader() = default;

void ReplyReader::begin_call() noexcept { impl_->used = 0; }
const std::string& ReplyReader::why() const noexcept { return impl_->why; }

void ReplyReader::feed(std::string_view bytes) {
  if (!impl_->error) static_cast<void>(::redisReaderFeed(impl_->reader, bytes.data(), bytes.size()));  // out of memory shows in next()
}

Outcome<std::optional<Reply>> ReplyReader::next() {
  Impl& impl = *impl_;
  if (impl.error) return impl.error;
  void* found = nullptr;
  if (::redisReaderGetReply(impl.reader, &found) != REDIS_OK) {
    if (impl.refused != nullptr) return impl.broken(boost::asio::error::message_size, impl.refused);
    return impl.broken(bad_message(), impl.reader->errstr);
  }
  if (found != nullptr) return std::optional<Reply>(std::exchange(impl.root, Reply()));
  if (const char* reason = impl.judge_unread()) return impl.broken(boost::asio::error::message_size, reason);
  return std::optional<Reply>();
}

std::string encode(const std::vector<Command>& commands) {
  std::string out;
  std::vector<const char*> words;
  std::vector<std::size_t> sizes;
  for (const Command& command : commands) {
    WATCHBELL_ASSERT(!command.empty() && command.size() < static_cast<std::size_t>(std::numeric_limits<int>::max()));
    words.clear();
    sizes.clear();
    for (const std::string& word : command) {
      words.push_back(word.data());
      sizes.push_back(word.size());
    }
    char* text = nullptr;
    const int size = ::redisFormatCommandArgv(&text, static_cast<int>(words.size()), words.data(), sizes.data());
    if (size < 0) throw std::bad_alloc();
    const std::unique_ptr<char, void (*)(void*)> owned(text, std::free);
    out.append(text, static_cast<std::size_t>(size));
  }
  return out;
}

}  // namespace watchbell::redis
