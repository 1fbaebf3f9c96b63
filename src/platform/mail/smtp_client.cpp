#include "platform/mail/smtp_client.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <new>
#include <optional>

#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/intrusive/list.hpp>
#include <boost/system/system_error.hpp>

#include "async/event.hpp"
#include "base/fault.hpp"
#include "base/text.hpp"
#include "platform/curl/api.hpp"
#include "platform/curl/multi.hpp"
#include "platform/mail/message.hpp"
#include "platform/mail/reply_reader.hpp"

// A Link is one connection: an easy handle that stays in the Multi, as libcurl closes the connection of one that leaves. While it connects, libcurl owns
// the socket; from then on the loop waits for it directly. A Send is one mail on its way, on the frame of send(); whichever way that frame ends, its
// destructor ends the Link unless it was given back.

namespace watchbell::mail {
namespace {

using namespace std::chrono_literals;
using Socket = asio::posix::basic_stream_descriptor<Executor>;

std::unexpected<SmtpError> refuse(SmtpFailure kind, std::string message) { return std::unexpected(SmtpError{.kind = kind, .message = std::move(message)}); }

bool is_host(std::string_view host) {
  if (net::Address::parse(host)) return true;
  return !host.empty() && host.size() <= 253 && !host.starts_with('-') &&
         std::ranges::all_of(host, [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.'; });
}

bool is_clean(std::string_view text) {
  return std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

std::optional<std::string> wrong_with(const SmtpServer& server, const Envelope& mail) {
  if (!is_host(server.host)) return "the host of the mail server is not valid";
  if (!server.helo.empty() && !is_host(server.helo)) return "the name to greet the mail server with is not valid";
  if (!is_clean(server.username) || !is_clean(server.password)) return "user name or password has characters that are not allowed";
  if (server.tls == Tls::none && !server.username.empty()) return "a password is not sent over a connection that is not secured";
  if (!is_address(mail.from) || !is_address(mail.to)) return "the address of sender or recipient is not valid";
  return std::nullopt;
}

/// Lines that begin with a dot get another one (RFC 5321, 4.5.2); ends with the line that ends the mail.
std::string framed(std::string_view content) {
  std::string out;
  out.reserve(content.size() + content.size() / 64 + 8);
  while (!content.empty()) {
    const auto end = std::min(content.find("\r\n"), content.size());
    if (content.front() == '.') out += '.';
    out.append(content.substr(0, end)).append("\r\n");
    content.remove_prefix(std::min(content.size(), end + 2));
  }
  return out + ".\r\n";
}

}  // namespace

std::string SmtpServer::place() const { return fmt::format("{}:{}", host.find(':') == std::string::npos ? host : "[" + host + "]", port); }

struct SmtpClient::Impl {
  struct Link {
    Link(Impl& owner, const SmtpServer& to) : impl(owner), server(to), changed(owner.executor) {}
    ~Link();
    Link(const Link&) = delete;
    Link& operator=(const Link&) = delete;

    Impl& impl;
    SmtpServer server;
    curl_slist* resolve = nullptr;
    CURL* easy = nullptr;
    std::shared_ptr<curl::Multi> multi;  // while the handle is in it
    char error[CURL_ERROR_SIZE] = "";
    std::string last_line;  // of what the server said while libcurl connected
    bool done = false;        // libcurl is: connected, or failed by `code`
    CURLcode code = CURLE_OK;
    async::Event changed;
    std::optional<Socket> socket;
    ReplyReader replies;
    Monotonic idle_since;
  };

  struct Send : boost::intrusive::list_base_hook<> {
    Send(Impl& owner, const Envelope& what, std::string to)
        : impl(owner), mail(what), place(std::move(to)), deadline([this] { stop(SmtpFailure::timed_out); }) {
      impl.sends.push_back(*this);
    }
    ~Send() {
      if (has_turn && --impl.at_work[place] == 0) impl.at_work.erase(place);
      impl.freed.notify_all();
      impl.sends.erase(impl.sends.iterator_to(*this));
      if (impl.sends.empty()) impl.ended.notify_all();
    }
    Send(const Send&) = delete;
    Send& operator=(const Send&) = delete;

    void stop(SmtpFailure why) {
      if (stopped) return;
      stopped = why;
      if (!link) return;
      link->changed.notify_all();
      if (link->socket) link->socket->cancel();
    }
    SmtpError why_stopped() const;
    awaitable<std::optional<SmtpError>> connect(SmtpServer server);
    awaitable<SmtpResult> converse();
    awaitable<std::optional<SmtpError>> ready(Socket::wait_type what);
    awaitable<std::optional<SmtpError>> write(std::string bytes);
    /// Sends the bytes and reads the reply, which must be in the hundred expected.
    awaitable<SmtpResult> ask(std::string bytes, int hundred);
    SmtpError lost() const {
      return {.kind = SmtpFailure::protocol_error, .message = fmt::format("{} closed the connection", link->server.place())};
    }

    Impl& impl;
    const Envelope& mail;
    std::string place;
    bool has_turn = false;  // counted in at_work
    std::unique_ptr<Link> link;
    std::optional<SmtpFailure> stopped;
    async::Timer deadline;
  };

  Impl(async::Loop& loop, async::TimerWheel& w, net::Resolver& r, Options o)
      : executor(loop.executor()), wheel(w), resolver(r), options(std::move(o)), ended(executor), freed(executor), idle_timer([this] { kept.clear(); }) {}
  ~Impl() { WATCHBELL_ASSERT(sends.empty()); }

  static void on_done(void* easy, int code);
  static std::size_t on_line(char* data, std::size_t size, std::size_t count, void* link);
  void begin(Link& link, const std::vector<net::Address>& addresses);
  static SmtpError why_not_connected(const Link& link);
  std::unique_ptr<Link> take(const SmtpServer& server);
  void keep(std::unique_ptr<Link> link);

  Executor executor;
  async::TimerWheel& wheel;
  net::Resolver& resolver;
  Options options;
  std::shared_ptr<curl::Multi> multi;
  boost::intrusive::list<Send> sends;
  async::Event ended;
  async::Event freed;                          // a turn
  std::map<std::string, std::size_t> at_work;  // by place
  bool closing = false;
  std::uint64_t connections_opened = 0;
  std::vector<std::unique_ptr<Link>> kept;
  async::Timer idle_timer;
};

SmtpClient::Impl::Link::~Link() {
  if (socket) {
    // Said without waiting for the answer.
    std::size_t sent = 0;
    constexpr std::string_view quit = "QUIT\r\n";
    curl::api().easy_send(easy, quit.data(), quit.size(), &sent);
    socket->release();  // libcurl closes it
  }
  if (multi) multi->remove(easy);
  if (easy != nullptr) curl::api().easy_cleanup(easy);
  curl::api().slist_free_all(resolve);
}

void SmtpClient::Impl::on_done(void* easy, int code) {
  char* pointer = nullptr;
  curl::api().easy_getinfo(easy, CURLINFO_PRIVATE, &pointer);
  auto& link = *reinterpret_cast<Link*>(pointer);
  link.done = true;
  link.code = static_cast<CURLcode>(code);
  link.changed.notify_all();
}

std::size_t SmtpClient::Impl::on_line(char* data, std::size_t size, std::size_t count, void* link) {
  static_cast<Link*>(link)->last_line.assign(data, std::min<std::size_t>(size * count, 300));
  return size * count;
}

void SmtpClient::Impl::begin(Link& link, const std::vector<net::Address>& addresses) {
  const SmtpServer& server = link.server;
  link.easy = curl::api().easy_init();
  if (link.easy == nullptr) throw std::bad_alloc();
  const auto set = [easy = link.easy](CURLoption option, auto value) {
    if (const auto code = curl::api().easy_setopt(easy, option, value); code != CURLE_OK)
      throw Fault(fmt::format("libcurl option {}: {}", static_cast<int>(option), curl::api().easy_strerror(code)));
  };
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_PROXY, "");
  set(CURLOPT_NOPROXY, "*");
  set(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  set(CURLOPT_QUICK_EXIT, 1L);
  set(CURLOPT_PRIVATE, static_cast<void*>(&link));
  set(CURLOPT_ERRORBUFFER, static_cast<char*>(link.error));
  const std::string host = ascii_lower(server.host);
  const bool implicit = server.tls == Tls::implicit;
  const std::string url = fmt::format("{}://{}:{}/{}", implicit ? "smtps" : "smtp", host.find(':') == std::string::npos ? host : "[" + host + "]", server.port,
                                      net::Address::parse(server.helo) ? std::string() : server.helo);
  set(CURLOPT_URL, url.c_str());
  if (!net::Address::parse(host)) {
    std::string entry = fmt::format("+{}:{}:", host, server.port);
    for (std::size_t i = 0; i < addresses.size(); ++i) {
      const auto text = addresses[i].to_string();
      entry += (i == 0 ? "" : ",") + (addresses[i].is_v6() ? "[" + text + "]" : text);
    }
    link.resolve = curl::api().slist_append(nullptr, entry.c_str());
    if (link.resolve == nullptr) throw std::bad_alloc();
    set(CURLOPT_RESOLVE, link.resolve);
    set(CURLOPT_DNS_CACHE_TIMEOUT, 60L);
  }
  set(CURLOPT_CONNECT_ONLY, 1L);
  set(CURLOPT_FRESH_CONNECT, 1L);
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(server.connect_timeout.count()));
  if (server.tls != Tls::none) {
    if (!implicit) set(CURLOPT_USE_SSL, static_cast<long>(CURLUSESSL_ALL));
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    set(CURLOPT_SSL_VERIFYPEER, server.verify_tls ? 1L : 0L);
    set(CURLOPT_SSL_VERIFYHOST, server.verify_tls ? 2L : 0L);
    set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));  // see http_client
    if (!options.ca_file.empty()) set(CURLOPT_CAINFO, options.ca_file.c_str());
  }
  if (!server.username.empty()) {
    set(CURLOPT_USERNAME, server.username.c_str());
    set(CURLOPT_PASSWORD, server.password.c_str());
  }
  set(CURLOPT_HEADERFUNCTION, &Impl::on_line);
  set(CURLOPT_HEADERDATA, static_cast<void*>(&link));
  if (!multi) multi = std::make_shared<curl::Multi>(wheel, options.max_in_flight + options.max_kept + 1, &Impl::on_done);
  multi->add(link.easy);
  link.multi = multi;
  ++connections_opened;
}

SmtpError SmtpClient::Impl::why_not_connected(const Link& link) {
  const std::string place = link.server.place();
  const std::string_view detail = link.error[0] != '\0' ? link.error : curl::api().easy_strerror(link.code);
  // Some servers say in their refusal what they were sent; with a login that is the password.
  const auto code = code_of(link.last_line);
  if (link.code == CURLE_LOGIN_DENIED || link.code == CURLE_AUTH_ERROR)
    return {.kind = SmtpFailure::login_refused, .message = fmt::format("{} refused the login{}", place, code ? fmt::format(" ({})", *code) : "")};
  if (link.code == CURLE_USE_SSL_FAILED) return {.kind = SmtpFailure::tls_failed, .message = fmt::format("{} offers no STARTTLS", place)};
  if (curl::is_tls_failure(link.code)) return {.kind = SmtpFailure::tls_failed, .message = fmt::format("no secure connection to {}: {}", place, detail)};
  if (link.code == CURLE_OPERATION_TIMEDOUT)
    return {.kind = SmtpFailure::timed_out, .message = fmt::format("no connection to {} within {} ms", place, link.server.connect_timeout.count())};
  if (link.code == CURLE_OUT_OF_MEMORY) throw std::bad_alloc();
  if (link.code == CURLE_COULDNT_CONNECT) {
    long error = 0;
    curl::api().easy_getinfo(link.easy, CURLINFO_OS_ERRNO, &error);
    return {.kind = SmtpFailure::connect_failed,
            .message = fmt::format("could not connect to {}: {}", place,
                                   error != 0 ? std::string(std::generic_category().message(static_cast<int>(error))) : std::string(detail))};
  }
  if (code && *code >= 400) return {.kind = SmtpFailure::connect_failed, .message = fmt::format("{} would not begin: {}", place, shown(link.last_line))};
  return {.kind = SmtpFailure::protocol_error, .message = fmt::format("no proper answer from {}", place)};
}

/// The newest kept connection to that server on which nothing has happened since.
std::unique_ptr<SmtpClient::Impl::Link> SmtpClient::Impl::take(const SmtpServer& server) {
  for (auto it = kept.end(); it != kept.begin();) {
    --it;
    if (!((*it)->server == server)) continue;
    auto link = std::move(*it);
    it = kept.erase(it);
    std::array<char, 256> part;
    std::size_t got = 0;
    const bool silent = curl::api().easy_recv(link->easy, part.data(), part.size(), &got) == CURLE_AGAIN;
    if (silent && link->replies.idle() && wheel.clock().monotonic() - link->idle_since < options.keep_idle) return link;
  }
  return nullptr;
}

void SmtpClient::Impl::keep(std::unique_ptr<Link> link) {
  if (closing) return;
  if (kept.size() >= options.max_kept) kept.erase(kept.begin());
  link->idle_since = wheel.clock().monotonic();
  kept.push_back(std::move(link));
  wheel.arm(idle_timer, options.keep_idle);
}

SmtpError SmtpClient::Impl::Send::why_stopped() const {
  if (*stopped == SmtpFailure::cancelled) return {.kind = *stopped, .message = "the mail client is shutting down"};
  return {.kind = *stopped, .message = link ? fmt::format("{} did not answer in time", link->server.place()) : "the mail server could not be reached in time"};
}

awaitable<std::optional<SmtpError>> SmtpClient::Impl::Send::connect(SmtpServer server) {
  const auto begun = impl.wheel.clock().monotonic();
  auto addresses = impl.resolver.known(server.host);
  if (!addresses) {
    auto looked_up = co_await impl.resolver.resolve(server.host, server.connect_timeout);
    if (stopped) co_return why_stopped();
    if (!looked_up) {
      const bool late = looked_up.error().code == ErrorCode::timeout;
      co_return SmtpError{.kind = late ? SmtpFailure::timed_out : SmtpFailure::unresolvable, .message = looked_up.error().message};
    }
    addresses = std::move(*looked_up);
  }
  const auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(impl.wheel.clock().monotonic() - begun);
  link = std::make_unique<Link>(impl, server);
  link->server.connect_timeout = std::max(1ms, server.connect_timeout - passed);
  impl.begin(*link, *addresses);
  link->server.connect_timeout = server.connect_timeout;
  while (!link->done && !stopped) co_await link->changed.wait();
  if (stopped) co_return why_stopped();
  if (link->code != CURLE_OK) co_return why_not_connected(*link);
  curl_socket_t fd = CURL_SOCKET_BAD;
  curl::api().easy_getinfo(link->easy, CURLINFO_ACTIVESOCKET, &fd);
  if (fd == CURL_SOCKET_BAD) co_return lost();
  link->socket.emplace(impl.executor, fd);
  co_return std::nullopt;
}

awaitable<std::optional<SmtpError>> SmtpClient::Impl::Send::ready(Socket::wait_type what) {
  if (stopped) co_return why_stopped();
  boost::system::error_code error;
  co_await link->socket->async_wait(what, asio::redirect_error(use_awaitable, error));
  if (stopped) co_return why_stopped();
  if (error == asio::error::operation_aborted) throw boost::system::system_error(error);
  if (error) co_return lost();
  co_return std::nullopt;
}

awaitable<std::optional<SmtpError>> SmtpClient::Impl::Send::write(std::string bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    std::size_t sent = 0;
    const auto code = curl::api().easy_send(link->easy, bytes.data() + done, bytes.size() - done, &sent);
    if (code == CURLE_AGAIN) {
      if (auto error = co_await ready(Socket::wait_write)) co_return error;
      continue;
    }
    if (code != CURLE_OK) co_return lost();
    done += sent;
  }
  co_return std::nullopt;
}

awaitable<SmtpResult> SmtpClient::Impl::Send::ask(std::string bytes, int hundred) {
  if (auto error = co_await write(std::move(bytes))) co_return std::unexpected(std::move(*error));
  std::optional<Reply> reply;
  while (!(reply = link->replies.take())) {
    if (link->replies.broken()) co_return refuse(SmtpFailure::protocol_error, fmt::format("no proper answer from {}", link->server.place()));
    std::array<char, 4096> part;
    std::size_t got = 0;
    const auto code = curl::api().easy_recv(link->easy, part.data(), part.size(), &got);
    if (code == CURLE_AGAIN) {
      if (auto error = co_await ready(Socket::wait_read)) co_return std::unexpected(std::move(*error));
      continue;
    }
    if (code != CURLE_OK || got == 0) co_return std::unexpected(lost());
    link->replies.feed({part.data(), got});
  }
  if (reply->code / 100 == hundred) co_return std::move(reply->text);
  auto said = fmt::format("{} answered {} {}", link->server.place(), reply->code, reply->text);
  if (reply->code == 530) co_return refuse(SmtpFailure::login_refused, std::move(said));
  if (reply->code >= 500) co_return refuse(SmtpFailure::permanent, std::move(said));
  if (reply->code >= 400) co_return refuse(SmtpFailure::temporary, std::move(said));
  co_return refuse(SmtpFailure::protocol_error, std::move(said));
}

awaitable<SmtpResult> SmtpClient::Impl::Send::converse() {
  auto answer = co_await ask("MAIL FROM:<" + mail.from + ">\r\n", 2);
  if (answer) answer = co_await ask("RCPT TO:<" + mail.to + ">\r\n", 2);
  if (answer) answer = co_await ask("DATA\r\n", 3);
  if (answer) answer = co_await ask(framed(mail.content), 2);
  co_return answer;
}

SmtpClient::SmtpClient(async::Loop& loop, async::TimerWheel& wheel, net::Resolver& resolver, Options options) {
  impl_ = std::make_unique<Impl>(loop, wheel, resolver, std::move(options));
}

SmtpClient::~SmtpClient() = default;

awaitable<SmtpResult> SmtpClient::send(SmtpServer server, Envelope mail) {
  WATCHBELL_ASSERT_ON_LOOP();
  Impl& impl = *impl_;
  if (impl.closing) co_return refuse(SmtpFailure::cancelled, "the mail client is shutting down");
  if (impl.sends.size() >= impl.options.max_in_flight) co_return refuse(SmtpFailure::busy, "too many mails are on their way");
  if (auto wrong = wrong_with(server, mail)) co_return refuse(SmtpFailure::bad_request, std::move(*wrong));
  Impl::Send send(impl, mail, server.place());
  while (!send.stopped && impl.at_work[send.place] >= impl.options.max_per_server) co_await impl.freed.wait();
  if (send.stopped) co_return std::unexpected(send.why_stopped());
  send.has_turn = true;
  ++impl.at_work[send.place];
  impl.wheel.arm(send.deadline, server.total_timeout);
  send.link = impl.take(server);
  if (!send.link) {
    if (auto error = co_await send.connect(std::move(server))) co_return std::unexpected(std::move(*error));
  }
  auto result = co_await send.converse();
  if (result) impl.keep(std::move(send.link));
  co_return result;
}

awaitable<SmtpResult> SmtpClient::greet(SmtpServer server, std::string from) {
  WATCHBELL_ASSERT_ON_LOOP();
  Impl& impl = *impl_;
  if (impl.closing) co_return refuse(SmtpFailure::cancelled, "the mail client is shutting down");
  if (impl.sends.size() >= impl.options.max_in_flight) co_return refuse(SmtpFailure::busy, "too many mails are on their way");
  const Envelope nothing{.from = from, .to = from, .content = {}};
  if (auto wrong = wrong_with(server, nothing)) co_return refuse(SmtpFailure::bad_request, std::move(*wrong));
  Impl::Send send(impl, nothing, server.place());
  impl.wheel.arm(send.deadline, server.total_timeout);
  if (auto error = co_await send.connect(std::move(server))) co_return std::unexpected(std::move(*error));
  // The connection ends with the link: a transaction that is begun is dropped by QUIT.
  co_return co_await send.ask("MAIL FROM:<" + from + ">\r\n", 2);
}

awaitable<void> SmtpClient::close() {
  WATCHBELL_ASSERT_ON_LOOP();
  Impl& impl = *impl_;
  impl.closing = true;
  for (auto& send : impl.sends) send.stop(SmtpFailure::cancelled);  // they resume through the loop's queue, so the list is stable here
  impl.freed.notify_all();
  while (!impl.sends.empty()) co_await impl.ended.wait();
  impl.idle_timer.cancel();
  impl.kept.clear();
  impl.multi.reset();
}

SmtpClient::Stats SmtpClient::stats() const { return {.in_flight = impl_->sends.size(), .connections_opened = impl_->connections_opened}; }

}  // namespace watchbell::mail
