#include "platform/http_client/client.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <new>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/intrusive/list.hpp>
#include <boost/system/system_error.hpp>

#include "async/event.hpp"
#include "base/fault.hpp"
#include "base/text.hpp"
#include "platform/curl/api.hpp"
#include "platform/curl/multi.hpp"

// The path of a request: URL, method and headers are judged (prepare_url, prepare_headers); the host is looked up and every address judged; an easy
// handle gets the judged addresses by CURLOPT_RESOLVE and goes into the Multi of its policy; open_socket judges the address once more. All of a
// transfer stands in its Transfer, on the frame of send(): whichever way that frame ends, the destructor takes the handle out of libcurl first.

namespace watchbell::http {
namespace {

using namespace std::chrono_literals;
using curl::Multi;
using Wall = std::chrono::steady_clock;

constexpr std::size_t kMaxUrl = 8192;
constexpr std::size_t kMaxHead = 32 * 1024;
constexpr std::size_t kMaxHeaders = 256;
constexpr std::size_t kMaxIdleHandles = 64;
constexpr std::size_t kPolicies = 2;

double ms_between(Wall::time_point from, Wall::time_point to) { return std::chrono::duration<double, std::milli>(to - from).count(); }

struct FreeUrl {
  void operator()(CURLU* url) const { curl::api().url_cleanup(url); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl::api().slist_free_all(list); }
};
using UrlHandle = std::unique_ptr<CURLU, FreeUrl>;
using StringList = std::unique_ptr<curl_slist, FreeList>;

void append(StringList& list, const std::string& text) {
  curl_slist* longer = curl::api().slist_append(list.get(), text.c_str());
  if (longer == nullptr) throw std::bad_alloc();
  static_cast<void>(list.release());
  list.reset(longer);
}

std::optional<std::string> url_part(CURLU* url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl::api().url_get(url, part, &text, flags) != CURLUE_OK) return std::nullopt;
  std::string copy(text);
  curl::api().free(text);
  return copy;
}

bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

bool is_header_value(std::string_view text) {
  return std::ranges::none_of(text, [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; });
}

bool is_method(std::string_view text) {
  return !text.empty() && text.size() <= 16 && std::ranges::all_of(text, [](char c) { return c >= 'A' && c <= 'Z'; }) && text != "CONNECT" && text != "TRACE";
}

constexpr std::array<std::string_view, 9> kOwnHeaders{"connection", "content-length",    "expect", "keep-alive", "proxy-connection", "te",
                                                      "trailer",    "transfer-encoding", "upgrade"};

/// What came of a URL: where to connect.
struct Target {
  UrlHandle url;
  std::string host;  // lower case ASCII, no brackets, no dot at the end
  std::string port;
  bool tls = false;
  std::string place() const { return fmt::format("{}:{}", host.find(':') == std::string::npos ? host : "[" + host + "]", port); }
};

std::unexpected<ClientError> refuse(ClientFailure kind, std::string message) {
  return std::unexpected(ClientError{.kind = kind, .message = std::move(message), .timings = {}});
}

/// libcurl's own parser, so that what is judged here and where it connects to cannot differ.
std::expected<Target, ClientError> prepare_url(const std::string& text) {
  if (text.size() > kMaxUrl) return refuse(ClientFailure::bad_url, fmt::format("the URL is longer than {} bytes", kMaxUrl));
  if (text.find('\0') != std::string::npos) return refuse(ClientFailure::bad_url, "the URL is not valid");
  Target target;
  target.url.reset(curl::api().url());
  if (!target.url) throw std::bad_alloc();
  CURLU* url = target.url.get();
  const auto authority_begin = text.find("://");
  if (authority_begin != std::string::npos) {
    const std::string_view rest = std::string_view(text).substr(authority_begin + 3);
    const std::string_view authority = rest.substr(0, rest.find_first_of("/?#\\"));
    // libcurl passes over a third slash and takes the path for the host.
    if (authority.empty()) return refuse(ClientFailure::bad_url, "the URL has no host");
    if (authority.find('@') != std::string_view::npos) return refuse(ClientFailure::bad_url, "a URL with user name or password is not accepted");
  }
  if (const auto code = curl::api().url_set(url, CURLUPART_URL, text.c_str(), CURLU_DISALLOW_USER); code != CURLUE_OK) {
    if (code == CURLUE_OUT_OF_MEMORY) throw std::bad_alloc();
    if (code == CURLUE_UNSUPPORTED_SCHEME) return refuse(ClientFailure::bad_url, "only http and https URLs are accepted");
    return refuse(ClientFailure::bad_url, fmt::format("the URL is not valid: {}", curl::api().url_strerror(code)));
  }
  const auto scheme = url_part(url, CURLUPART_SCHEME);
  if (scheme != "http" && scheme != "https") return refuse(ClientFailure::bad_url, "only http and https URLs are accepted");
  if (url_part(url, CURLUPART_ZONEID)) return refuse(ClientFailure::bad_url, "an address with a zone is not accepted");
  target.tls = scheme == "https";
  auto host = url_part(url, CURLUPART_HOST);
  if (!host || host->empty()) return refuse(ClientFailure::bad_url, "the URL has no usable host");
  // libcurl translates such names by the locale, which a server process does not have.
  if (std::ranges::any_of(*host, [](char c) { return static_cast<unsigned char>(c) >= 0x80; }))
    return refuse(ClientFailure::bad_url, "a host with letters beyond ASCII has to be written in its xn-- form");
  *host = ascii_lower(*host);
  if (host->ends_with('.')) host->pop_back();
  // Written back in the one spelling, so that libcurl finds the judged addresses under it and never looks a name up itself.
  if (host->empty() || curl::api().url_set(url, CURLUPART_HOST, host->c_str(), 0) != CURLUE_OK) return refuse(ClientFailure::bad_url, "the URL has no usable host");
  if (host->starts_with('[') && host->ends_with(']')) *host = host->substr(1, host->size() - 2);
  target.host = std::move(*host);
  target.port = url_part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT).value_or("");
  return target;
}

std::expected<StringList, ClientError> prepare_headers(const ClientRequest& request) {
  StringList list;
  bool has_type = false;
  if (request.headers.size() > kMaxHeaders) return refuse(ClientFailure::bad_request, fmt::format("more than {} headers", kMaxHeaders));
  for (const auto& [name, value] : request.headers) {
    if (!is_token(name)) return refuse(ClientFailure::bad_request, "a header name has characters that are not allowed");
    if (!is_header_value(value)) return refuse(ClientFailure::bad_request, fmt::format("the value of header {} has characters that are not allowed", name));
    const std::string lower = ascii_lower(name);
    if (std::ranges::find(kOwnHeaders, lower) != kOwnHeaders.end())
      return refuse(ClientFailure::bad_request, fmt::format("header {} is set by the connection itself", name));
    has_type = has_type || lower == "content-type";
    // libcurl reads "Name:" as "leave it out" and "Name;" as "empty".
    append(list, trim(value).empty() ? name + ";" : fmt::format("{}: {}", name, value));
  }
  if (!has_type) append(list, "Content-Type:");  // libcurl would claim a web form
  append(list, "Expect:");                       // a second of waiting for a 100 that few servers send
  return list;
}

}  // namespace

std::string_view to_string(ClientFailure failure) noexcept {
  switch (failure) {
    case ClientFailure::bad_url:
      return "bad_url";
    case ClientFailure::bad_request:
      return "bad_request";
    case ClientFailure::blocked_address:
      return "blocked_address";
    case ClientFailure::unresolvable:
      return "unresolvable";
    case ClientFailure::connect_failed:
      return "connect_failed";
    case ClientFailure::tls_failed:
      return "tls_failed";
    case ClientFailure::timed_out:
      return "timed_out";
    case ClientFailure::too_large:
      return "too_large";
    case ClientFailure::protocol_error:
      return "protocol_error";
    case ClientFailure::cancelled:
      return "cancelled";
    case ClientFailure::busy:
      return "busy";
  }
  return "unknown";
}

std::optional<std::string_view> ClientResponse::header(std::string_view name) const {
  const auto it = std::ranges::find(headers, name, [](const auto& each) { return std::string_view(each.first); });
  if (it == headers.end()) return std::nullopt;
  return it->second;
}

namespace {

enum class Outcome {
  running,
  ended,      // libcurl said so
  timed_out,  // our total deadline
  cancelled,  // close()
};

}  // namespace

struct Client::Impl {
  struct Transfer : boost::intrusive::list_base_hook<> {
    Transfer(Impl& owner, ClientRequest& asked);
    ~Transfer();
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;
    void end(Outcome how, CURLcode result = CURLE_OK) {
      if (outcome != Outcome::running) return;
      outcome = how;
      code = result;
      changed.notify_all();
    }

    Impl& impl;
    ClientRequest& request;
    Wall::time_point begun = Wall::now();
    Monotonic begun_by_wheel;
    Target target;
    StringList headers;
    StringList resolve;
    CURL* easy = nullptr;
    std::shared_ptr<Multi> multi;  // while the handle is in it
    char error[CURL_ERROR_SIZE] = "";

    ClientResponse response;
    std::size_t head_bytes = 0;
    bool in_body = false;
    bool body_too_large = false;
    bool head_too_large = false;
    std::optional<net::Address> blocked;  // by the judgement at connect
    int no_socket = 0;                    // why we could not even make a socket
    std::optional<double> dns_ms;

    Outcome outcome = Outcome::running;
    CURLcode code = CURLE_OK;
    async::Event changed;
    async::Timer deadline;
    asio::cancellation_signal stop_look_up;
  };

  Impl(async::Loop& loop, async::TimerWheel& w, net::Resolver& r, const net::Egress& e, Options o)
      : executor(loop.executor()),
        wheel(w),
        resolver(r),
        egress(e),
        options(std::move(o)),
        ended(executor),
        idle_timers{async::Timer([this] { pools[0].reset(); }), async::Timer([this] { pools[1].reset(); })} {}
  ~Impl() {
    WATCHBELL_ASSERT(transfers.empty());
    for (CURL* easy : idle) curl::api().easy_cleanup(easy);
  }

  static std::size_t write_body(char* data, std::size_t size, std::size_t count, void* transfer);
  static std::size_t write_header(char* data, std::size_t size, std::size_t count, void* transfer);
  static curl_socket_t open_socket(void* transfer, curlsocktype purpose, curl_sockaddr* address);
  static void on_done(void* easy, int code);

  awaitable<Result<std::vector<net::Address>>> look_up(Transfer& transfer, std::chrono::milliseconds limit);
  std::optional<ClientError> judge(const Transfer& transfer, const std::vector<net::Address>& addresses) const;
  void start(Transfer& transfer, const std::vector<net::Address>& addresses);
  ClientResult result(Transfer& transfer);
  ClientResult failure(Transfer& transfer, ClientFailure kind, std::string message);
  Timings timings(const Transfer& transfer) const;
  const std::shared_ptr<Multi>& pool(net::EgressPolicy policy);

  Executor executor;
  async::TimerWheel& wheel;
  net::Resolver& resolver;
  const net::Egress& egress;
  Options options;
  std::function<void(std::vector<net::Address>&)> change_for_test;
  boost::intrusive::list<Transfer> transfers;
  std::vector<CURL*> idle;
  std::array<std::shared_ptr<Multi>, kPolicies> pools;  // libcurl keeps connections by host name: apart by policy, or one rule would lend to the other
  std::array<std::size_t, kPolicies> in_pool{};
  async::Event ended;
  bool closing = false;
  std::uint64_t sent = 0;
  std::uint64_t connections_opened = 0;
  std::array<async::Timer, kPolicies> idle_timers;
};

Client::Impl::Transfer::Transfer(Impl& owner, ClientRequest& asked)
    : impl(owner), request(asked), begun_by_wheel(owner.wheel.clock().monotonic()), changed(owner.executor), deadline([this] { end(Outcome::timed_out); }) {
  impl.transfers.push_back(*this);
}

Client::Impl::Transfer::~Transfer() {
  if (multi) {
    multi->remove(easy);
    const auto policy = static_cast<std::size_t>(request.policy);
    if (--impl.in_pool[policy] == 0) impl.wheel.arm(impl.idle_timers[policy], impl.options.keep_idle);
  }
  if (easy != nullptr) {
    // A kept handle saves some allocations; it still points at what goes with this transfer, hence the reset.
    curl::api().easy_reset(easy);
    if (impl.idle.size() < kMaxIdleHandles && !impl.closing)
      impl.idle.push_back(easy);
    else
      curl::api().easy_cleanup(easy);
  }
  impl.transfers.erase(impl.transfers.iterator_to(*this));
  if (impl.transfers.empty()) impl.ended.notify_all();
}

std::size_t Client::Impl::write_body(char* data, std::size_t size, std::size_t count, void* transfer) {
  auto& self = *static_cast<Transfer*>(transfer);
  const std::size_t bytes = size * count;
  self.in_body = true;
  std::string& body = self.response.body;
  const std::size_t room = self.request.max_response_bytes - body.size();
  if (bytes <= room) {
    body.append(data, bytes);
    return bytes;
  }
  if (self.request.truncate_large) {
    body.append(data, room);
    self.response.truncated = true;
  } else {
    self.body_too_large = true;
  }
  return CURL_WRITEFUNC_ERROR;
}

std::size_t Client::Impl::write_header(char* data, std::size_t size, std::size_t count, void* transfer) {
  auto& self = *static_cast<Transfer*>(transfer);
  const std::size_t bytes = size * count;
  self.head_bytes += bytes;
  auto& headers = self.response.headers;
  if (self.head_bytes > kMaxHead || headers.size() >= kMaxHeaders) {
    self.head_too_large = true;
    return CURL_WRITEFUNC_ERROR;
  }
  if (self.in_body) return bytes;  // a trailer
  const std::string_view raw(data, bytes);
  const std::string_view line = trim(raw);
  if (raw.starts_with("HTTP/")) {
    // The head before was an interim one (100, 103).
    headers.clear();
    const auto code = line.find(' ');
    const auto text = code == std::string_view::npos ? code : line.find(' ', code + 1);
    self.response.status_text = text == std::string_view::npos ? "" : std::string(trim(line.substr(text)));
    return bytes;
  }
  if (line.empty()) return bytes;
  if (raw.front() == ' ' || raw.front() == '\t') {
    // A folded line goes on with the value before (RFC 9112, 5.2).
    if (!headers.empty()) headers.back().second.append(" ").append(line);
    return bytes;
  }
  const auto colon = line.find(':');
  if (colon != std::string_view::npos) headers.emplace_back(ascii_lower(trim(line.substr(0, colon))), trim(line.substr(colon + 1)));
  return bytes;
}

curl_socket_t Client::Impl::open_socket(void* transfer, curlsocktype, curl_sockaddr* address) {
  auto& self = *static_cast<Transfer*>(transfer);
  const auto judged = net::Address::from_sockaddr(address->addr);
  if (!judged) return CURL_SOCKET_BAD;
  if (!self.impl.egress.permits(self.request.policy, *judged)) {
    self.blocked = judged;
    return CURL_SOCKET_BAD;
  }
  const int fd = ::socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, address->protocol);
  if (fd < 0) {
    self.no_socket = errno;
    return CURL_SOCKET_BAD;
  }
  ++self.impl.connections_opened;
  return fd;
}

void Client::Impl::on_done(void* easy, int code) {
  char* transfer = nullptr;
  curl::api().easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
  if (transfer != nullptr) reinterpret_cast<Transfer*>(transfer)->end(Outcome::ended, static_cast<CURLcode>(code));
}

const std::shared_ptr<Multi>& Client::Impl::pool(net::EgressPolicy policy) {
  const auto index = static_cast<std::size_t>(policy);
  idle_timers[index].cancel();
  if (!pools[index]) pools[index] = std::make_shared<Multi>(wheel, options.max_kept_connections, &Impl::on_done);
  return pools[index];
}

/// The resolver's answer, cancellable by close() as well as by the caller.
awaitable<Result<std::vector<net::Address>>> Client::Impl::look_up(Transfer& transfer, std::chrono::milliseconds limit) {
  auto& stop = transfer.stop_look_up;
  auto parent = (co_await asio::this_coro::cancellation_state).slot();
  if (parent.is_connected()) parent.assign([&stop](asio::cancellation_type type) { stop.emit(type); });
  struct Clear {
    asio::cancellation_slot slot;
    ~Clear() {
      if (slot.is_connected()) slot.clear();
    }
  } const clear{parent};
  try {
    co_return co_await asio::co_spawn(executor, resolver.resolve(transfer.target.host, limit), asio::bind_cancellation_slot(stop.slot(), use_awaitable));
  } catch (const boost::system::system_error& error) {
    if (transfer.outcome != Outcome::cancelled || error.code() != asio::error::operation_aborted) throw;
  }
  co_return fail(ErrorCode::unavailable, "cancelled");
}

/// Every address of the host must pass: a name with one guarded address is either a mistake or an attempt.
std::optional<ClientError> Client::Impl::judge(const Transfer& transfer, const std::vector<net::Address>& addresses) const {
  for (const auto& address : addresses) {
    if (egress.permits(transfer.request.policy, address)) continue;
    const std::string what = transfer.target.host == address.to_string() ? "" : fmt::format("{} leads to ", transfer.target.host);
    return ClientError{.kind = ClientFailure::blocked_address, .message = fmt::format("{}{}, a guarded address", what, address.to_string()), .timings = {}};
  }
  return std::nullopt;
}

void Client::Impl::start(Transfer& transfer, const std::vector<net::Address>& addresses) {
  const ClientRequest& request = transfer.request;
  const Target& target = transfer.target;
  if (!idle.empty()) {
    transfer.easy = idle.back();
    idle.pop_back();
  } else {
    transfer.easy = curl::api().easy_init();
    if (transfer.easy == nullptr) throw std::bad_alloc();
  }
  CURL* easy = transfer.easy;
  const auto set = [easy](CURLoption option, auto value) {
    if (const auto code = curl::api().easy_setopt(easy, option, value); code != CURLE_OK)
      throw Fault(fmt::format("libcurl option {}: {}", static_cast<int>(option), curl::api().easy_strerror(code)));
  };

  // What libcurl would take from its surroundings.
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_PROXY, "");
  set(CURLOPT_NOPROXY, "*");
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  set(CURLOPT_QUICK_EXIT, 1L);
  set(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_PRIVATE, static_cast<void*>(&transfer));
  set(CURLOPT_ERRORBUFFER, static_cast<char*>(transfer.error));

  set(CURLOPT_CURLU, target.url.get());
  if (!net::Address::parse(target.host)) {
    // "+" lets the entry age: without it the multi handle's table of names would only grow. It is used within this very call.
    std::string entry = fmt::format("+{}:{}:", target.host, target.port);
    for (std::size_t i = 0; i < addresses.size(); ++i) {
      const auto text = addresses[i].to_string();
      entry += (i == 0 ? "" : ",") + (addresses[i].is_v6() ? "[" + text + "]" : text);
    }
    append(transfer.resolve, entry);
    set(CURLOPT_RESOLVE, transfer.resolve.get());
    set(CURLOPT_DNS_CACHE_TIMEOUT, 60L);
  }
  set(CURLOPT_OPENSOCKETFUNCTION, &Impl::open_socket);
  set(CURLOPT_OPENSOCKETDATA, static_cast<void*>(&transfer));
  const auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(wheel.clock().monotonic() - transfer.begun_by_wheel);
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(std::max(1ms, request.connect_timeout - passed).count()));
  set(CURLOPT_MAXAGE_CONN, static_cast<long>(std::chrono::ceil<std::chrono::seconds>(options.keep_idle).count()));
  if (request.fresh_connection) {
    set(CURLOPT_FRESH_CONNECT, 1L);
    set(CURLOPT_FORBID_REUSE, 1L);
  }
  if (target.tls) {
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    set(CURLOPT_SSL_VERIFYPEER, request.verify_tls ? 1L : 0L);
    set(CURLOPT_SSL_VERIFYHOST, request.verify_tls ? 2L : 0L);
    // With a folder of certificates besides the file libcurl reads the file anew for every connection (20 ms on the loop) instead of once.
    set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
    if (!options.ca_file.empty()) set(CURLOPT_CAINFO, options.ca_file.c_str());
  }

  if (request.method == "HEAD") {
    set(CURLOPT_NOBODY, 1L);
  } else if (!request.body.empty() || request.method == "POST" || request.method == "PUT" || request.method == "PATCH") {
    set(CURLOPT_POST, 1L);
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    set(CURLOPT_POSTFIELDS, request.body.data());  // not copied: the request stays with the transfer
    if (request.method != "POST") set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
  } else if (request.method != "GET") {
    set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
  set(CURLOPT_USERAGENT, options.user_agent.c_str());
  set(CURLOPT_HTTPHEADER, transfer.headers.get());
  set(CURLOPT_WRITEFUNCTION, &Impl::write_body);
  set(CURLOPT_WRITEDATA, static_cast<void*>(&transfer));
  set(CURLOPT_HEADERFUNCTION, &Impl::write_header);
  set(CURLOPT_HEADERDATA, static_cast<void*>(&transfer));

  auto multi = pool(request.policy);
  multi->add(easy);
  transfer.multi = std::move(multi);
  ++in_pool[static_cast<std::size_t>(request.policy)];
  ++sent;
}

Timings Client::Impl::timings(const Transfer& transfer) const {
  Timings out;
  out.dns_ms = transfer.dns_ms;
  out.total_ms = ms_between(transfer.begun, Wall::now());
  if (transfer.easy == nullptr) return out;
  const auto at = [&](CURLINFO info) {
    curl_off_t micros = 0;
    curl::api().easy_getinfo(transfer.easy, info, &micros);
    return static_cast<double>(micros) / 1000.0;
  };
  const double looked_up = at(CURLINFO_NAMELOOKUP_TIME_T);
  const double connected = at(CURLINFO_CONNECT_TIME_T);
  const double secured = at(CURLINFO_APPCONNECT_TIME_T);
  const double prepared = at(CURLINFO_PRETRANSFER_TIME_T);
  const double first_byte = at(CURLINFO_STARTTRANSFER_TIME_T);
  const double total = at(CURLINFO_TOTAL_TIME_T);
  long opened = 0;
  curl::api().easy_getinfo(transfer.easy, CURLINFO_NUM_CONNECTS, &opened);
  // libcurl's instants lie one after the other; 0 is "not reached", and a kept connection repeats the one before.
  if (opened > 0 && connected > 0) out.connect_ms = std::max(0.0, connected - looked_up);
  if (opened > 0 && secured > 0) out.tls_ms = std::max(0.0, secured - connected);
  if (first_byte > 0 && prepared > 0) out.wait_ms = std::max(0.0, first_byte - prepared);
  if (first_byte > 0 && total > 0) out.transfer_ms = std::max(0.0, total - first_byte);
  return out;
}

ClientResult Client::Impl::failure(Transfer& transfer, ClientFailure kind, std::string message) {
  return std::unexpected(ClientError{.kind = kind, .message = std::move(message), .timings = timings(transfer)});
}

ClientResult Client::Impl::result(Transfer& transfer) {
  const ClientRequest& request = transfer.request;
  const std::string place = transfer.target.place();
  if (transfer.outcome == Outcome::cancelled) return failure(transfer, ClientFailure::cancelled, "the HTTP client is shutting down");
  if (transfer.outcome == Outcome::timed_out) {
    const auto known = timings(transfer);
    const bool secured = known.wait_ms || transfer.head_bytes > 0;
    return failure(transfer, ClientFailure::timed_out,
                   fmt::format("{} {} within {} ms", place, secured ? "did not finish its answer" : "did not answer", request.total_timeout.count()));
  }
  if (transfer.code == CURLE_OK || (transfer.code == CURLE_WRITE_ERROR && transfer.response.truncated)) {
    long status = 0;
    curl::api().easy_getinfo(transfer.easy, CURLINFO_RESPONSE_CODE, &status);
    transfer.response.status = static_cast<int>(status);
    transfer.response.timings = timings(transfer);
    return std::move(transfer.response);
  }
  if (transfer.head_too_large) return failure(transfer, ClientFailure::too_large, fmt::format("the answer of {} has a head over {} bytes", place, kMaxHead));
  if (transfer.body_too_large)
    return failure(transfer, ClientFailure::too_large, fmt::format("the answer of {} is larger than {} bytes", place, request.max_response_bytes));
  if (transfer.blocked)
    return failure(transfer, ClientFailure::blocked_address, fmt::format("{} leads to {}, a guarded address", place, transfer.blocked->to_string()));
  if (transfer.no_socket == EMFILE || transfer.no_socket == ENFILE || transfer.no_socket == ENOBUFS || transfer.no_socket == ENOMEM)
    return failure(transfer, ClientFailure::busy, fmt::format("no socket for {}: {}", place, std::generic_category().message(transfer.no_socket)));
  // libcurl's text names host and port at most; it is worth having where it tells causes apart.
  const std::string_view detail = transfer.error[0] != '\0' ? transfer.error : curl::api().easy_strerror(transfer.code);
  if (curl::is_tls_failure(transfer.code)) return failure(transfer, ClientFailure::tls_failed, fmt::format("no secure connection to {}: {}", place, detail));
  switch (transfer.code) {
    case CURLE_COULDNT_CONNECT: {
      long error = 0;
      curl::api().easy_getinfo(transfer.easy, CURLINFO_OS_ERRNO, &error);
      return failure(transfer, ClientFailure::connect_failed,
                     fmt::format("could not connect to {}: {}", place,
                                 error != 0 ? std::string(std::generic_category().message(static_cast<int>(error))) : std::string(detail)));
    }
    case CURLE_OPERATION_TIMEDOUT:
      return failure(transfer, ClientFailure::timed_out, fmt::format("no connection to {} within {} ms", place, request.connect_timeout.count()));
    case CURLE_COULDNT_RESOLVE_HOST:
      return failure(transfer, ClientFailure::unresolvable, fmt::format("{} could not be looked up", transfer.target.host));
    case CURLE_OUT_OF_MEMORY:
      // What libcurl says, too, of a line of a head that is longer than it keeps: a peer's doing, and no fault of ours.
      return failure(transfer, ClientFailure::too_large, fmt::format("the answer of {} has a line in its head that does not end", place));
    default:
      return failure(transfer, ClientFailure::protocol_error, fmt::format("no proper answer from {}: {}", place, detail));
  }
}

Client::Client(async::Loop& loop, async::TimerWheel& wheel, net::Resolver& resolver, const net::Egress& egress, Options options) {
  impl_ = std::make_unique<Impl>(loop, wheel, resolver, egress, std::move(options));
}

Client::~Client() = default;

awaitable<ClientResult> Client::send(ClientRequest request) {
  WATCHBELL_ASSERT_ON_LOOP();
  Impl& impl = *impl_;
  if (impl.closing) co_return refuse(ClientFailure::cancelled, "the HTTP client is shutting down");
  if (impl.transfers.size() >= impl.options.max_in_flight) co_return refuse(ClientFailure::busy, "too many requests are in flight");
  if (!is_method(request.method)) co_return refuse(ClientFailure::bad_request, "the method is not acceptable");

  Impl::Transfer transfer(impl, request);
  auto target = prepare_url(request.url);
  if (!target) co_return std::unexpected(std::move(target.error()));
  transfer.target = std::move(*target);
  auto headers = prepare_headers(request);
  if (!headers) co_return std::unexpected(std::move(headers.error()));
  transfer.headers = std::move(*headers);
  impl.wheel.arm(transfer.deadline, request.total_timeout);

  const bool literal = net::Address::parse(transfer.target.host).has_value();
  auto addresses = impl.resolver.known(transfer.target.host);
  if (!addresses) {
    auto looked_up = co_await impl.look_up(transfer, std::min(request.connect_timeout, request.total_timeout));
    if (transfer.outcome != Outcome::running) co_return impl.result(transfer);
    if (!looked_up) {
      const Error& error = looked_up.error();
      if (error.code == ErrorCode::timeout) co_return impl.failure(transfer, ClientFailure::timed_out, error.message);
      co_return impl.failure(transfer, ClientFailure::unresolvable, error.message);
    }
    addresses = std::move(*looked_up);
  }
  if (!literal) transfer.dns_ms = ms_between(transfer.begun, Wall::now());
  if (auto refused = impl.judge(transfer, *addresses)) co_return impl.failure(transfer, refused->kind, std::move(refused->message));
  if (impl.change_for_test) impl.change_for_test(*addresses);

  impl.start(transfer, *addresses);
  while (transfer.outcome == Outcome::running) co_await transfer.changed.wait();
  co_return impl.result(transfer);
}

awaitable<void> Client::close() {
  WATCHBELL_ASSERT_ON_LOOP();
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  Impl& impl = *impl_;
  impl.closing = true;
  // Ending and emitting resume through the loop's queue, so the list is stable here.
  for (auto& transfer : impl.transfers) {
    transfer.end(Outcome::cancelled);
    transfer.stop_look_up.emit(asio::cancellation_type::terminal);
  }
  while (!impl.transfers.empty()) co_await impl.ended.wait();
  for (auto& timer : impl.idle_timers) timer.cancel();
  for (auto& pool : impl.pools) pool.reset();
  for (CURL* easy : impl.idle) curl::api().easy_cleanup(easy);
  impl.idle.clear();
}

Client::Stats Client::stats() const { return {.in_flight = impl_->transfers.size(), .sent = impl_->sent, .connections_opened = impl_->connections_opened}; }

void Client::on_hand_over_for_test(std::function<void(std::vector<net::Address>&)> change) { impl_->change_for_test = std::move(change); }

}  // namespace watchbell::http
