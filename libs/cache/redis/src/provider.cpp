#include <watchbell/cache/redis/provider.hpp>

#include "entry.hpp"
#include "keys.hpp"
#include "scripts.hpp"
#include "tokens.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace watchbell::cache::redis {
namespace {

using detail::Kind;
using detail::KeySpace;
using detail::Script;
using detail::Scripts;

namespace asio = boost::asio;
namespace errc = boost::system::errc;
using boost::system::error_code;
using std::chrono::milliseconds;

constexpr Duration kLongestWait = std::chrono::hours(1);
/// Between the two steps of a `set`; ends by itself if the second never comes.
constexpr Duration kSetLease = std::chrono::minutes(1);
/// By how much a token outlives an entry that records it, so that the entry's end is its own.
constexpr Duration kTokenOutlives = std::chrono::minutes(1);
constexpr std::string_view kScanStep = "200";

std::string text(std::uint64_t number) { return std::to_string(number); }

/// At least 1: Redis takes no less.
std::uint64_t to_ms(Duration time, Duration longest) {
  const auto ms = std::chrono::duration_cast<milliseconds>(std::min(time, longest)).count();
  return ms < 1 ? 1 : static_cast<std::uint64_t>(ms);
}

/// One command, before the server that it goes to is known.
struct Request {
  enum class Do : std::uint8_t {
    run,          ///< a script over entry, lease and family tokens of a key
    drop_entry,   ///< remove the entry
    drop_key,     ///< remove entry and lease
    drop_token,   ///< remove the family's token: all its entries and leases count no more
    drop_family,  ///< remove the family's token, and entry and lease of the key of the same segments
  };

  Request(Do what, std::string_view in_scope, std::string_view at) : action(what), scope(in_scope), path(at) {}
  Request(const Script& run, const Address& address, std::size_t max_value_bytes)
      : action(Do::run), script(&run), scope(address.scope), path(address.key.encoded()), max_value(max_value_bytes) {}

  Do action;
  const Script* script = nullptr;
  std::string_view scope;
  std::string_view path;
  std::size_t max_value = 0;
  std::string token;      ///< of a fill
  std::string_view value; ///< of a fill
  std::uint64_t ms = 0;   ///< of the lease or the entry
  std::uint64_t token_ms = 0;
};

Command command_for(const Request& request, const KeySpace& space, bool whole_script) {
  const auto name = [&](Kind kind) { return space.name(kind, request.scope, request.path); };
  switch (request.action) {
    case Request::Do::drop_entry: return {"UNLINK", name(Kind::entry)};
    case Request::Do::drop_key: return {"UNLINK", name(Kind::entry), name(Kind::lease)};
    case Request::Do::drop_token: return {"UNLINK", name(Kind::token)};
    case Request::Do::drop_family:
      if (request.path.empty()) return {"UNLINK", name(Kind::token)};
      return {"UNLINK", name(Kind::token), name(Kind::entry), name(Kind::lease)};
    case Request::Do::run: break;
  }
  const Script& script = *request.script;
  const auto families = detail::families_of(request.path);
  Command command{whole_script ? "EVAL" : "EVALSHA", whole_script ? script.source : script.sha,
                  text(families.size() + 2), name(Kind::entry), name(Kind::lease)};
  for (const auto family : families) command.push_back(space.name(Kind::token, request.scope, family));

  const std::string_view recorded = space.recorded_path(request.scope, request.path);
  if (&script == &Scripts::fill()) {
    const std::string_view tokens = std::string_view(request.token).substr(detail::kTokenBytes);
    command.push_back(request.token);
    command.push_back(detail::encode_entry(recorded, tokens, request.value));
    command.push_back(text(request.ms));
    command.push_back(text(request.token_ms));
    return command;
  }
  command.push_back(text(detail::tokens_offset(recorded)));
  command.push_back(text(detail::entry_overhead(recorded, families.size()) + request.max_value));
  command.push_back(std::string(1, detail::kEntryFormat));
  if (&script == &Scripts::fetch() || &script == &Scripts::claim()) {
    // Drawn anew for every sending: a token that a lost command has already set must not be set again (C-8).
    command.push_back(detail::fresh_token());
    command.push_back(text(request.ms));
    command.push_back(text(request.token_ms));
  }
  return command;
}

bool script_unknown(const Reply& reply) {
  return reply.kind == Reply::Kind::error && reply.text.starts_with("NOSCRIPT");
}

/// An error where the value is a bool, which an error code would convert to.
Outcome<bool> failed(error_code error) { return Outcome<bool>(boost::system::in_place_error, error); }

std::size_t segments_of(const Key& key) { return detail::families_of(key.encoded()).size() - 1; }
bool storable(const Key& key) { return segments_of(key) < detail::kMaxFamilies; }

/// Runs `work` on `to`, wherever it is awaited.
template <class T>
asio::awaitable<T> on(asio::any_io_executor to, asio::awaitable<T> work) {
  const asio::any_io_executor here = co_await asio::this_coro::executor;
  if (here == to) co_return co_await std::move(work);
  co_return co_await asio::co_spawn(to, std::move(work), asio::use_awaitable);
}

RedisOptions checked(RedisOptions options) {
  const auto allowed = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
  };
  if (options.instance.size() > 32 || !std::all_of(options.instance.begin(), options.instance.end(), allowed))
    throw std::invalid_argument("instance: at most 32 letters, digits, '-' and '_'");
  if (options.max_value_bytes == 0 || options.max_value_bytes > (std::size_t{512} << 20) - (std::size_t{64} << 10))
    throw std::invalid_argument("max_value_bytes: 1 byte to 64 KiB below the 512 MiB that Redis allows");
  if (options.longest_ttl < milliseconds(1) || options.longest_ttl > std::chrono::hours(24 * 366))
    throw std::invalid_argument("longest_ttl: 1 ms to 366 days");
  if (options.token_ttl < milliseconds(1) || options.token_ttl > std::chrono::hours(24 * 366))
    throw std::invalid_argument("token_ttl: 1 ms to 366 days");
  return options;
}

}  // namespace

/// What the operations share; each of them holds it, so that the provider may go while one runs.
class RedisProvider::Impl {
 public:
  using Self = std::shared_ptr<Impl>;

  Impl(std::shared_ptr<Transport> transport, RedisOptions options)
      : transport_(std::move(transport)),
        options_(checked(std::move(options))),
        prefix_(options_.instance.empty() ? "cache:" : options_.instance + ":cache:") {}

  asio::any_io_executor executor() { return transport_->executor(); }

  static Task<std::optional<std::string>> get(Self self, Address address, Duration deadline) {
    const TimePoint end = self->end_of(deadline);
    if (!storable(address.key)) {
      self->count(self->misses_);
      co_return std::optional<std::string>();
    }
    std::vector<Request> requests;
    requests.emplace_back(Scripts::get(), address, self->options_.max_value_bytes);
    auto replies = co_await self->send(std::move(requests), end);
    if (!replies) co_return replies.error();
    auto read = self->read_of(replies->front());
    if (!read) co_return read.error();
    std::optional<std::string> value = self->value_of(*read, address, replies->space);
    if (read->state == Read::hit && !value) co_await self->drop_bad(address, end);
    self->count(value ? self->hits_ : self->misses_);
    co_return value;
  }

  static Task<bool> has(Self self, Address address, Duration deadline) {
    const TimePoint end = self->end_of(deadline);
    if (!storable(address.key)) co_return false;
    std::vector<Request> requests;
    requests.emplace_back(Scripts::has(), address, self->options_.max_value_bytes);
    auto replies = co_await self->send(std::move(requests), end);
    if (!replies) co_return failed(replies.error());
    auto read = self->read_of(replies->front());
    if (!read) co_return failed(read.error());
    co_return read->state == Read::hit;
  }

  static Task<void> set(Self self, Address address, std::string bytes, std::optional<Duration> ttl, Duration deadline) {
    const TimePoint end = self->end_of(deadline);
    if (!storable(address.key)) co_return make_error_code(errc::invalid_argument);
    const bool too_large = bytes.size() > self->options_.max_value_bytes;
    if (too_large || (ttl && *ttl <= Duration::zero())) {
      auto removed = co_await remove_until(self, address, end);
      if (removed && too_large) co_return make_error_code(errc::message_size);
      co_return removed;
    }

    const std::uint64_t ms = to_ms(ttl.value_or(self->options_.longest_ttl), self->options_.longest_ttl);
    std::vector<Request> requests;
    requests.emplace_back(Scripts::claim(), address, self->options_.max_value_bytes);
    requests.back().ms = to_ms(kSetLease, kSetLease);
    requests.back().token_ms = self->token_ms(milliseconds(ms));
    auto claimed = co_await self->send(std::move(requests), end);
    if (!claimed) co_return claimed.error();
    auto read = self->read_of(claimed->front());
    if (!read) co_return read.error();
    if (read->state != Read::lease || !self->fits(read->bytes, address.key)) co_return self->bad_reply();

    requests = std::vector<Request>();
    requests.push_back(self->fill_request(address, std::move(read->bytes), bytes, milliseconds(ms)));
    auto filled = co_await self->send(std::move(requests), end);
    if (!filled) co_return filled.error();
    // Refused: somebody has removed, invalidated or set the key since; that came after this.
    const auto stored = self->stored(filled->front());
    if (!stored) co_return stored.error();
    co_return Outcome<void>();
  }

  static Task<void> remove(Self self, Address address, Duration deadline) {
    const TimePoint end = self->end_of(deadline);
    co_return co_await remove_until(self, std::move(address), end);
  }

  static Task<std::uint64_t> delete_by_prefix(Self self, std::string scope, Family family, Duration deadline) {
    const TimePoint end = self->end_of(deadline);
    // First what makes it true; the rest gives memory back and counts.
    std::vector<Request> requests;
    requests.emplace_back(Request::Do::drop_token, scope, family.encoded());
    auto dropped = co_await self->send(std::move(requests), end);
    if (!dropped) co_return dropped.error();
    for (const Reply& reply : dropped->replies) {
      const auto counted = self->number_of(reply);
      if (!counted) co_return counted.error();
    }
    std::uint64_t removed = 0;
    auto done = co_await self->sweep(scope, family, removed, end);
    if (!done && done.error() == errc::connection_reset) {
      self->count(self->server_changes_);
      done = co_await self->sweep(scope, family, removed, end);
    }
    if (!done) co_return done.error();
    co_return removed;
  }

  static Task<std::vector<Fetched>> fetch(Self self, std::vector<Address> addresses, Duration lease, Duration deadline) {
    const TimePoint end = self->end_of(deadline);
    std::vector<Fetched> found(addresses.size());
    std::vector<std::size_t> asked;
    std::vector<Request> requests;
    for (std::size_t i = 0; i < addresses.size(); ++i) {
      if (!storable(addresses[i].key)) {
        self->count(self->misses_);
        continue;
      }
      asked.push_back(i);
      requests.emplace_back(Scripts::fetch(), addresses[i], self->options_.max_value_bytes);
      requests.back().ms = to_ms(lease, kLongestWait);
      requests.back().token_ms = self->token_ms(lease);
    }
    if (requests.empty()) co_return found;
    auto replies = co_await self->send(std::move(requests), end);
    if (!replies) co_return replies.error();

    std::vector<Request> bad;
    for (std::size_t n = 0; n < asked.size(); ++n) {
      const Address& address = addresses[asked[n]];
      Fetched& into = found[asked[n]];
      auto read = self->read_of(replies->replies[n]);
      if (!read) co_return read.error();
      if (read->state == Read::hit) {
        auto value = self->value_of(*read, address, replies->space);
        if (value) {
          into.kind = Fetched::Kind::hit;
          into.bytes = std::move(*value);
          into.remaining = read->remaining;
          self->count(self->hits_);
          continue;
        }
        bad.emplace_back(Request::Do::drop_entry, address.scope, address.key.encoded());
      } else if (read->state == Read::lease || read->state == Read::busy) {
        if (!self->fits(read->bytes, address.key)) co_return self->bad_reply();
        into.kind = read->state == Read::lease ? Fetched::Kind::lease : Fetched::Kind::busy;
        into.token = std::move(read->bytes);
      } else {
        co_return self->bad_reply();
      }
      self->count(self->misses_);
    }
    if (!bad.empty()) co_await self->send(std::move(bad), end);  // if this fails, the next reader meets it again
    co_return found;
  }

  static Task<std::vector<Filled>> fill(Self self, std::vector<Fill> fills, Duration deadline) {
    const TimePoint end = self->end_of(deadline);
    std::vector<Filled> results(fills.size(), Filled::refused);
    std::vector<std::size_t> asked;
    std::vector<Request> requests;
    for (std::size_t i = 0; i < fills.size(); ++i) {
      Fill& fill = fills[i];
      if (fill.bytes.size() > self->options_.max_value_bytes) {
        results[i] = Filled::too_large;
      } else if (fill.ttl > Duration::zero() && storable(fill.address.key) && self->fits(fill.token, fill.address.key)) {
        asked.push_back(i);
        requests.push_back(self->fill_request(fill.address, std::move(fill.token), fill.bytes, fill.ttl));
      }
    }
    if (requests.empty()) co_return results;
    auto replies = co_await self->send(std::move(requests), end);
    if (!replies) co_return replies.error();
    for (std::size_t n = 0; n < asked.size(); ++n) {
      const auto stored = self->stored(replies->replies[n]);
      if (!stored) co_return stored.error();
      if (*stored) results[asked[n]] = Filled::stored;
    }
    co_return results;
  }

  static Task<void> invalidate(Self self, std::vector<Drop> drops, Duration deadline) {
    const TimePoint end = self->end_of(deadline);
    if (drops.empty()) co_return Outcome<void>();
    std::vector<Request> requests;
    requests.reserve(drops.size());
    for (const Drop& drop : drops) {
      if (const Key* key = std::get_if<Key>(&drop.what))
        requests.emplace_back(Request::Do::drop_key, drop.scope, key->encoded());
      else
        requests.emplace_back(Request::Do::drop_family, drop.scope, std::get<Family>(drop.what).encoded());
    }
    auto replies = co_await self->send(std::move(requests), end);
    if (!replies) co_return replies.error();
    for (const Reply& reply : replies->replies) {
      const auto removed = self->number_of(reply);
      if (!removed) co_return removed.error();
    }
    co_return Outcome<void>();
  }

  static asio::awaitable<void> stop(Self self) {
    self->stopped_ = true;
    co_await self->transport_->stop();
  }

  ProviderStats stats() const {
    ProviderStats stats;
    stats.hits = hits_.load(std::memory_order_relaxed);
    stats.misses = misses_.load(std::memory_order_relaxed);
    stats.of = ProviderStats::Of::cluster;
    return stats;
  }

  Counters counters() const noexcept {
    const auto of = [](const Count& count) { return count.load(std::memory_order_relaxed); };
    Counters counters;
    counters.hits = of(hits_);
    counters.misses = of(misses_);
    counters.bad_entries = of(bad_entries_);
    counters.bad_replies = of(bad_replies_);
    counters.error_replies = of(error_replies_);
    counters.failures = of(failures_);
    counters.round_trips = of(round_trips_);
    counters.script_loads = of(script_loads_);
    counters.server_changes = of(server_changes_);
    return counters;
  }

 private:
  using Count = std::atomic<std::uint64_t>;

  /// Replies, one a request, and the key space of the server that gave them.
  struct Answer {
    Answer(KeySpace of, std::vector<Reply> all) : space(std::move(of)), replies(std::move(all)) {}
    const Reply& front() const { return replies.front(); }

    KeySpace space;
    std::vector<Reply> replies;
  };

  /// The reply of a script that reads.
  struct Read {
    enum State : std::int64_t { miss = 0, hit = 1, lease = 2, busy = 3 };
    State state = miss;
    std::string bytes;
    Duration remaining{};
  };

  static void count(Count& counter) { counter.fetch_add(1, std::memory_order_relaxed); }

  TimePoint end_of(Duration deadline) const { return options_.clock() + std::min(deadline, kLongestWait); }

  std::uint64_t token_ms(Duration needed) const {
    const Duration longest = std::chrono::hours(24 * 367);
    return to_ms(std::max(options_.token_ttl, std::min(needed, longest) + kTokenOutlives), longest + kTokenOutlives);
  }

  /// What is left until `end`, or why nothing is.
  Outcome<Duration> left(TimePoint end) {
    if (stopped_) return error_code(asio::error::shut_down);
    const Duration rest = end - options_.clock();
    if (rest <= Duration::zero()) {
      count(failures_);
      return make_error_code(errc::timed_out);
    }
    return rest;
  }

  /// The server that answers now.
  asio::awaitable<Outcome<std::string>> server(TimePoint end) {
    const auto rest = left(end);
    if (!rest) co_return rest.error();
    auto run_id = co_await transport_->server(*rest);
    if (!run_id) {
      count(failures_);
    } else if (!detail::valid_run_id(*run_id)) {
      co_return bad_reply();
    }
    co_return run_id;
  }

  /// One round trip.
  asio::awaitable<Outcome<std::vector<Reply>>> batch(std::string run_id, std::vector<Command> commands, TimePoint end) {
    const auto rest = left(end);
    if (!rest) co_return rest.error();
    const std::size_t expected = commands.size();
    count(round_trips_);
    auto replies = co_await transport_->pipeline(std::move(run_id), std::move(commands), *rest);
    if (!replies) {
      if (replies.error() != errc::connection_reset) count(failures_);
      co_return replies;
    }
    if (replies->size() != expected) co_return bad_reply();
    co_return replies;
  }

  /// Gets the replies in one round trip; in two when the server does not know a script; and once more from the start when
  /// another server has taken the place of the one it was meant for, which must be harmless for every request.
  asio::awaitable<Outcome<Answer>> send(std::vector<Request> requests, TimePoint end) {
    for (int attempt = 0;; ++attempt) {
      auto run_id = co_await server(end);
      if (!run_id) co_return run_id.error();
      const KeySpace space(prefix_, *run_id);
      auto replies = co_await send_to(*run_id, space, requests, end);
      if (replies) co_return Answer(space, std::move(*replies));
      if (replies.error() != errc::connection_reset) co_return replies.error();
      if (attempt == 1) {
        count(failures_);
        co_return replies.error();
      }
      count(server_changes_);
    }
  }

  /// Awaited at once by `send`, which owns what the references are to.
  asio::awaitable<Outcome<std::vector<Reply>>> send_to(const std::string& run_id, const KeySpace& space,
                                                       const std::vector<Request>& requests, TimePoint end) {
    std::vector<Command> commands;
    commands.reserve(requests.size());
    for (const Request& request : requests) commands.push_back(command_for(request, space, false));
    auto replies = co_await batch(run_id, std::move(commands), end);
    if (!replies) co_return replies;

    std::vector<std::size_t> again;
    std::vector<const Script*> loaded;
    commands = std::vector<Command>();
    for (std::size_t i = 0; i < requests.size(); ++i) {
      if (!script_unknown((*replies)[i])) continue;
      const Script* const script = requests[i].script;
      const bool whole = std::find(loaded.begin(), loaded.end(), script) == loaded.end();
      if (whole) loaded.push_back(script);
      again.push_back(i);
      commands.push_back(command_for(requests[i], space, whole));
    }
    if (again.empty()) co_return replies;
    count(script_loads_);
    auto repeated = co_await batch(run_id, std::move(commands), end);
    if (!repeated) co_return repeated;
    for (std::size_t n = 0; n < again.size(); ++n) (*replies)[again[n]] = std::move((*repeated)[n]);
    co_return replies;
  }

  static Task<void> remove_until(Self self, Address address, TimePoint end) {
    std::vector<Request> requests;
    requests.emplace_back(Request::Do::drop_key, address.scope, address.key.encoded());
    auto replies = co_await self->send(std::move(requests), end);
    if (!replies) co_return replies.error();
    const auto removed = self->number_of(replies->front());
    if (!removed) co_return removed.error();
    co_return Outcome<void>();
  }

  /// Awaited at once; if it fails, the next reader meets the entry again.
  asio::awaitable<void> drop_bad(const Address& address, TimePoint end) {
    std::vector<Request> requests;
    requests.emplace_back(Request::Do::drop_entry, address.scope, address.key.encoded());
    co_await send(std::move(requests), end);
  }

  /// Removes the entries of a family from the server and counts them, those of attempts before included. Awaited at once.
  Task<void> sweep(const std::string& scope, const Family& family, std::uint64_t& removed, TimePoint end) {
    auto run_id = co_await server(end);
    if (!run_id) co_return run_id.error();
    const KeySpace::Scan scan = KeySpace(prefix_, *run_id).scan(scope, family.encoded());
    std::string cursor = "0";
    do {
      std::vector<Command> commands;
      commands.push_back(Command{"SCAN", cursor, "MATCH", scan.pattern, "COUNT", std::string(kScanStep)});
      auto scanned = co_await batch(*run_id, std::move(commands), end);
      if (!scanned) co_return scanned.error();
      Reply& page = scanned->front();
      if (page.kind != Reply::Kind::array || page.items.size() != 2 || page.items[0].kind != Reply::Kind::text ||
          page.items[1].kind != Reply::Kind::array)
        co_return refusal(page);
      cursor = std::move(page.items[0].text);

      Command unlink{"UNLINK"};
      Command judge{"EVAL", Scripts::sweep().source, ""};
      for (Reply& item : page.items[1].items) {
        if (item.kind != Reply::Kind::text) co_return bad_reply();
        const bool hashed = item.text.starts_with(scan.hashed);
        if (item.text.starts_with(scan.plain) || (hashed && scan.hashed_are_members))
          unlink.push_back(std::move(item.text));
        else if (hashed)
          judge.push_back(std::move(item.text));
      }
      judge[2] = text(judge.size() - 3);
      judge.emplace_back(family.encoded());
      commands = std::vector<Command>();
      if (unlink.size() > 1) commands.push_back(std::move(unlink));
      if (judge.size() > 4) commands.push_back(std::move(judge));
      if (commands.empty()) continue;
      auto replies = co_await batch(*run_id, std::move(commands), end);
      if (!replies) co_return replies.error();
      for (const Reply& reply : *replies) {
        const auto number = number_of(reply);
        if (!number) co_return number.error();
        removed += *number;
      }
    } while (cursor != "0");
    co_return Outcome<void>();
  }

  Request fill_request(const Address& address, std::string token, std::string_view value, Duration ttl) const {
    Request request(Scripts::fill(), address, options_.max_value_bytes);
    request.token = std::move(token);
    request.value = value;
    request.ms = to_ms(ttl, options_.longest_ttl);
    request.token_ms = token_ms(milliseconds(request.ms));
    return request;
  }

  /// Whether a token is one for this key.
  bool fits(std::string_view token, const Key& key) const {
    return token.size() == detail::kTokenBytes * (segments_of(key) + 2);
  }

  error_code bad_reply() {
    count(bad_replies_);
    return make_error_code(errc::protocol_error);
  }
  /// What a reply that is not of the wanted shape means.
  error_code refusal(const Reply& reply) {
    if (reply.kind != Reply::Kind::error) return bad_reply();
    count(error_replies_);
    return make_error_code(errc::io_error);
  }

  Outcome<std::uint64_t> number_of(const Reply& reply) {
    if (reply.kind != Reply::Kind::integer || reply.integer < 0) return refusal(reply);
    return static_cast<std::uint64_t>(reply.integer);
  }

  Outcome<bool> stored(const Reply& reply) {
    const auto number = number_of(reply);
    if (!number) return failed(number.error());
    if (*number > 1) return failed(bad_reply());
    return *number == 1;
  }

  Outcome<Read> read_of(const Reply& reply) {
    const auto is = [&](std::size_t i, Reply::Kind kind) { return reply.items[i].kind == kind; };
    if (reply.kind != Reply::Kind::array) return refusal(reply);
    if (reply.items.size() != 4 || !is(0, Reply::Kind::integer) || !is(1, Reply::Kind::integer) ||
        !is(2, Reply::Kind::text) || !is(3, Reply::Kind::integer) || reply.items[0].integer < Read::miss ||
        reply.items[0].integer > Read::busy)
      return bad_reply();
    if (reply.items[1].integer != 0) count(bad_entries_);
    Read read;
    read.state = static_cast<Read::State>(reply.items[0].integer);
    read.bytes = reply.items[2].text;
    // Nothing we have written is without end; what is was written by somebody else, and is checked like all the rest.
    const std::int64_t ms = reply.items[3].integer;
    const std::int64_t longest = std::chrono::duration_cast<milliseconds>(options_.longest_ttl).count();
    read.remaining = ms < 0 ? Duration::max() : Duration(milliseconds(std::min(ms, longest)));
    return read;
  }

  /// The value in an entry that the script took for good; nullopt, counted, when it is damaged.
  std::optional<std::string> value_of(const Read& read, const Address& address, const KeySpace& space) {
    if (read.state != Read::hit) return std::nullopt;
    const std::string_view path = address.key.encoded();
    const auto value = detail::decode_entry(read.bytes, space.recorded_path(address.scope, path),
                                            segments_of(address.key) + 1, options_.max_value_bytes);
    if (!value) {
      count(bad_entries_);
      return std::nullopt;
    }
    return std::string(*value);
  }

  const std::shared_ptr<Transport> transport_;
  const RedisOptions options_;
  const std::string prefix_;
  std::atomic<bool> stopped_{false};
  Count hits_{0}, misses_{0}, bad_entries_{0}, bad_replies_{0}, error_replies_{0}, failures_{0}, round_trips_{0},
      script_loads_{0}, server_changes_{0};
};

RedisProvider::RedisProvider(std::shared_ptr<Transport> transport, RedisOptions options)
    : impl_(std::make_shared<Impl>(std::move(transport), std::move(options))) {}

RedisProvider::~RedisProvider() = default;

auto RedisProvider::get(Address address, Duration deadline) -> Task<std::optional<std::string>> {
  return on(executor(), Impl::get(impl_, std::move(address), deadline));
}

auto RedisProvider::set(Address address, std::string bytes, std::optional<Duration> ttl, Duration deadline) -> Task<void> {
  return on(executor(), Impl::set(impl_, std::move(address), std::move(bytes), ttl, deadline));
}

auto RedisProvider::remove(Address address, Duration deadline) -> Task<void> {
  return on(executor(), Impl::remove(impl_, std::move(address), deadline));
}

auto RedisProvider::delete_by_prefix(std::string scope, Family family, Duration deadline) -> Task<std::uint64_t> {
  return on(executor(), Impl::delete_by_prefix(impl_, std::move(scope), std::move(family), deadline));
}

auto RedisProvider::has(Address address, Duration deadline) -> Task<bool> {
  return on(executor(), Impl::has(impl_, std::move(address), deadline));
}

auto RedisProvider::fetch(std::vector<Address> addresses, Duration lease, Duration deadline)
    -> Task<std::vector<Fetched>> {
  return on(executor(), Impl::fetch(impl_, std::move(addresses), lease, deadline));
}

auto RedisProvider::fill(std::vector<Fill> fills, Duration deadline) -> Task<std::vector<Filled>> {
  return on(executor(), Impl::fill(impl_, std::move(fills), deadline));
}

auto RedisProvider::invalidate(std::vector<Drop> drops, Duration deadline) -> Task<void> {
  return on(executor(), Impl::invalidate(impl_, std::move(drops), deadline));
}

auto RedisProvider::stats(Duration) -> Task<ProviderStats> { co_return impl_->stats(); }

auto RedisProvider::list_entries(std::uint64_t, std::uint64_t, EntryOrder, Duration) -> Task<EntryPage> {
  EntryPage nothing;
  nothing.total = 0;
  co_return nothing;
}

asio::awaitable<void> RedisProvider::stop() {
  return [](asio::any_io_executor to, asio::awaitable<void> work) -> asio::awaitable<void> {
    const asio::any_io_executor here = co_await asio::this_coro::executor;
    if (here == to) {
      co_await std::move(work);
    } else {
      co_await asio::co_spawn(to, std::move(work), asio::use_awaitable);
    }
  }(executor(), Impl::stop(impl_));
}

asio::any_io_executor RedisProvider::executor() { return impl_->executor(); }

Counters RedisProvider::counters() const noexcept { return impl_->counters(); }

}  // namespace watchbell::cache::redis
