#include "platform/http_client/client.hpp"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <condition_variable>
#include <mutex>

#include "platform/http_client/test/fixture.hpp"

namespace watchbell::http::test {
namespace {

SinkReply reply_ok(const SinkRequest&) { return {ok("hello")}; }

std::size_t open_descriptors() {
  std::size_t count = 0;
  for (int fd = 0; fd < 4096; ++fd)
    if (::fcntl(fd, F_GETFD) >= 0) ++count;
  return count;
}

CO_TEST(Client, sends_and_reads) {
  Bench bench(loop);
  Sink sink(loop.executor(), [](const SinkRequest&) { return SinkReply{ok("hello", "X-One: 1\r\nx-two:  two  \r\nX-One: again\r\nX-Folded: a\r\n  b\r\n")}; });
  sink.start();
  ClientRequest request = get(sink.url("/path?q=1#fragment"));
  request.method = "POST";
  request.headers = {{"Content-Type", "application/json"}, {"X-Empty", ""}, {"User-Agent", "Tester/1"}};
  request.body = R"({"a":1})";
  const auto answer = co_await bench.client.send(request);
  CO_ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->status_text, "OK");
  EXPECT_EQ(answer->body, "hello");
  EXPECT_FALSE(answer->truncated);
  EXPECT_EQ(answer->header("x-one"), "1");
  EXPECT_EQ(answer->header("x-two"), "two");
  EXPECT_EQ(answer->header("x-folded"), "a b");
  EXPECT_EQ(answer->header("x-none"), std::nullopt);
  EXPECT_EQ(answer->headers.size(), 5u);
  CO_ASSERT_EQ(sink.seen.size(), 1u);
  const auto& seen = sink.seen[0];
  EXPECT_EQ(seen.first_line(), "POST /path?q=1 HTTP/1.1");
  EXPECT_EQ(seen.body, R"({"a":1})");
  EXPECT_NE(seen.head.find("\r\nContent-Type: application/json"), std::string::npos);
  EXPECT_NE(seen.head.find("\r\nX-Empty:"), std::string::npos);
  EXPECT_NE(seen.head.find("\r\nUser-Agent: Tester/1"), std::string::npos);
  EXPECT_EQ(seen.head.find("Watchbell"), std::string::npos);
  EXPECT_EQ(seen.head.find("Expect"), std::string::npos);
  EXPECT_EQ(seen.head.find("Cookie"), std::string::npos);
  co_await bench.close();
  co_await sink.close();
}

CO_TEST(Client, knows_every_method_and_claims_no_content_type) {
  Bench bench(loop);
  Sink sink(loop.executor(), [](const SinkRequest& request) {
    if (request.head.starts_with("HEAD")) return SinkReply{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"};
    return SinkReply{ok("hello")};
  });
  sink.start();
  for (const std::string method : {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}) {
    for (const std::string body : {"", "text"}) {
      if (method == "HEAD" && !body.empty()) continue;
      ClientRequest request = get(sink.url());
      request.method = method;
      request.body = body;
      const auto answer = co_await bench.client.send(request);
      CO_ASSERT_TRUE(answer.has_value());
      EXPECT_EQ(answer->body, method == "HEAD" ? "" : "hello");
      EXPECT_EQ(sink.seen.back().first_line(), method + " / HTTP/1.1");
      EXPECT_EQ(sink.seen.back().body, body);
      EXPECT_EQ(ascii_lower(sink.seen.back().head).find("content-type"), std::string::npos) << method;
      EXPECT_NE(sink.seen.back().head.find("User-Agent: Watchbell"), std::string::npos);
    }
  }
  EXPECT_EQ(sink.accepted, 1u);
  co_await bench.close();
  co_await sink.close();
}

CO_TEST(Client, every_status_is_an_answer_and_redirects_are_not_followed) {
  Bench bench(loop);
  int status = 200;
  Sink other(loop.executor(), reply_ok);
  Sink sink(loop.executor(), [&](const SinkRequest&) {
    return SinkReply{fmt::format("HTTP/1.1 {} Some Text\r\nLocation: {}\r\nWWW-Authenticate: Basic\r\nSet-Cookie: a=b\r\n{}\r\n", status, other.url(),
                                 status == 204 || status == 304 ? "" : "Content-Length: 0\r\n")};
  });
  sink.start();
  other.start();
  for (const int each : {200, 201, 204, 299, 300, 301, 302, 303, 304, 307, 308, 400, 401, 404, 407, 410, 429, 500, 503, 599}) {
    status = each;
    const auto answer = co_await bench.client.send(get(sink.url()));
    CO_ASSERT_TRUE(answer.has_value());
    EXPECT_EQ(answer->status, each);
    EXPECT_EQ(answer->status_text, "Some Text");
    EXPECT_EQ(answer->header("location"), other.url());
  }
  EXPECT_EQ(other.accepted, 0u);
  for (const auto& seen : sink.seen) EXPECT_EQ(seen.head.find("Cookie"), std::string::npos);
  co_await bench.close();
  co_await sink.close();
  co_await other.close();
}

CO_TEST(Client, interim_answers_and_trailers_are_not_the_answer) {
  Bench bench(loop);
  Sink sink(loop.executor(), [](const SinkRequest&) {
    return SinkReply{
        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200\r\nTransfer-Encoding: chunked\r\nX-Real: 1\r\n\r\n5\r\nhello\r\n0\r\nX-Trailer: 1\r\n\r\n"};
  });
  sink.start();
  const auto answer = co_await bench.client.send(get(sink.url()));
  CO_ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->status_text, "");
  EXPECT_EQ(answer->body, "hello");
  EXPECT_EQ(answer->header("link"), std::nullopt);
  EXPECT_EQ(answer->header("x-trailer"), std::nullopt);
  EXPECT_EQ(answer->header("x-real"), "1");
  co_await bench.close();
  co_await sink.close();
}

CO_TEST(Client, keeps_connections_alive_and_makes_fresh_ones_when_asked) {
  Bench bench(loop);
  Sink sink(loop.executor(), reply_ok);
  sink.start();
  for (int i = 0; i < 20; ++i) {
    const auto answer = co_await bench.client.send(get(sink.url()));
    CO_ASSERT_TRUE(answer.has_value());
    EXPECT_EQ(answer->timings.connect_ms.has_value(), i == 0);
  }
  EXPECT_EQ(sink.accepted, 1u);
  EXPECT_EQ(bench.client.stats().connections_opened, 1u);
  EXPECT_EQ(bench.client.stats().sent, 20u);
  ClientRequest fresh = get(sink.url());
  fresh.fresh_connection = true;
  for (int i = 0; i < 3; ++i) EXPECT_TRUE((co_await bench.client.send(fresh))->timings.connect_ms.has_value());
  EXPECT_EQ(bench.client.stats().connections_opened, 4u);
  co_await sink.wait_for_closed(3);
  co_await bench.close();
  co_await sink.wait_for_closed(4);
  co_await sink.close();
}

CO_TEST(Client, keeps_as_many_connections_as_are_in_flight) {
  Bench bench(loop);
  Sink sink(loop.executor(), reply_ok);
  sink.start();
  constexpr std::size_t kAtOnce = 200;
  for (int round = 0; round < 3; ++round) {
    std::vector<std::optional<ClientResult>> answers(kAtOnce);
    for (auto& answer : answers) bench.send(get(sink.url()), answer);
    co_await bench.scope.join();
    for (const auto& answer : answers) EXPECT_TRUE(answer->has_value());
  }
  EXPECT_LE(bench.client.stats().connections_opened, kAtOnce);
  EXPECT_EQ(sink.requests, 3 * kAtOnce);
  co_await bench.close();
  co_await sink.close();
}

CO_TEST(Client, policies_do_not_share_connections) {
  Bench bench(loop);
  Sink sink(loop.executor(), reply_ok);
  sink.start();
  bench.name("app.test", {"127.0.0.1"});
  ClientRequest request = get(sink.url("/", "app.test"));
  EXPECT_TRUE((co_await bench.client.send(request)).has_value());
  request.policy = net::EgressPolicy::probe;
  EXPECT_TRUE((co_await bench.client.send(request)).has_value());
  EXPECT_EQ(sink.accepted, 2u);
  co_await bench.close();
  co_await sink.close();
}

CO_TEST(Client, idle_connections_are_closed_in_time) {
  Client::Options options;
  options.keep_idle = 20ms;
  Bench bench(loop, "127.0.0.0/8", options);
  Sink sink(loop.executor(), reply_ok);
  sink.start();
  EXPECT_TRUE((co_await bench.client.send(get(sink.url()))).has_value());
  co_await sink.wait_for_closed(1);
  EXPECT_TRUE((co_await bench.client.send(get(sink.url()))).has_value());
  EXPECT_EQ(sink.accepted, 2u);
  co_await bench.close();
  co_await sink.close();
}

CO_TEST(Client, a_kept_connection_the_peer_closed_is_no_failure) {
  Bench bench(loop);
  Sink sink(loop.executor(), [](const SinkRequest&) { return SinkReply{ok("hello"), SinkReply::Then::close}; });
  sink.start();
  ClientRequest request = get(sink.url());
  request.method = "POST";
  request.body = "x";
  for (std::size_t i = 1; i <= 5; ++i) {
    EXPECT_TRUE((co_await bench.client.send(request)).has_value());
    co_await sink.wait_for_closed(i);
  }
  EXPECT_EQ(sink.requests, 5u);
  co_await bench.close();
  co_await sink.close();
}

CO_TEST(Client, N_14_bounds_the_body) {
  Bench bench(loop);
  std::string framing;
  Sink sink(loop.executor(), [&](const SinkRequest&) {
    if (framing == "length") return SinkReply{ok(std::string(1001, 'x'))};
    if (framing == "exact") return SinkReply{ok(std::string(1000, 'x'))};
    if (framing == "chunked") return SinkReply{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" + std::string(1001, 'x') + "\r\n0\r\n\r\n"};
    if (framing == "close") return SinkReply{"HTTP/1.1 200 OK\r\n\r\n" + std::string(1001, 'x'), SinkReply::Then::close};
    return SinkReply{"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n" + std::string(2000, 'x'), SinkReply::Then::hang};
  });
  sink.start();
  ClientRequest request = get(sink.url());
  request.max_response_bytes = 1000;
  for (const auto each : {"exact", "length", "chunked", "close", "endless"}) {
    framing = each;
    for (const bool truncate : {false, true}) {
      request.truncate_large = truncate;
      const auto answer = co_await bench.client.send(request);
      const bool fits = framing == "exact";
      CO_ASSERT_EQ(answer.has_value(), fits || truncate);
      if (answer) {
        EXPECT_EQ(answer->status, 200);
        EXPECT_EQ(answer->body.size(), 1000u) << each;
        EXPECT_EQ(answer->truncated, !fits) << each;
      } else {
        EXPECT_EQ(answer.error().kind, ClientFailure::too_large) << each;
      }
    }
  }
  co_await bench.close();
  co_await sink.close();
}

CO_TEST(Client, N_14_bounds_the_head) {
  Bench bench(loop);
  std::string head;
  Sink sink(loop.executor(), [&](const SinkRequest&) { return SinkReply{"HTTP/1.1 200 OK\r\n" + head + "Content-Length: 0\r\n\r\n"}; });
  sink.start();
  head = "X-Long: " + std::string(20'000, 'x') + "\r\n";
  EXPECT_TRUE((co_await bench.client.send(get(sink.url()))).has_value());
  head = "X-Long: " + std::string(40'000, 'x') + "\r\n";
  EXPECT_EQ((co_await bench.client.send(get(sink.url()))).error().kind, ClientFailure::too_large);
  head.clear();
  for (int i = 0; i < 300; ++i) head += "X-Many: 1\r\n";
  EXPECT_EQ((co_await bench.client.send(get(sink.url()))).error().kind, ClientFailure::too_large);
  co_await bench.close();
  co_await sink.close();
}

CO_TEST(Client, N_14_bounds_the_time) {
  Bench bench(loop);
  std::string part;
  Sink sink(loop.executor(), [&](const SinkRequest&) { return SinkReply{part, SinkReply::Then::hang}; });
  sink.start();
  ClientRequest request = get(sink.url("/secret-in-the-path"));
  request.total_timeout = 60ms;
  for (const auto each : {"", "HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345"}) {
    part = each;
    const auto begun = bench.clock.monotonic();
    const auto answer = co_await bench.client.send(request);
    CO_ASSERT_TRUE(!answer.has_value());
    EXPECT_EQ(answer.error().kind, ClientFailure::timed_out) << each;
    EXPECT_EQ(answer.error().message.find("secret"), std::string::npos);
    EXPECT_GE(bench.clock.monotonic() - begun, 60ms);
    EXPECT_GE(answer.error().timings.total_ms, 60.0);
    EXPECT_TRUE(answer.error().timings.connect_ms.has_value());
  }
  co_await sink.wait_for_closed(3);
  EXPECT_EQ(bench.client.stats().in_flight, 0u);
  co_await bench.close();
  co_await sink.close();
}

/// A listening socket whose queue is full, so that Linux drops further connection attempts and their senders wait.
class FullBacklog {
 public:
  explicit FullBacklog(Executor executor) : listener_(executor) {
    listener_.open(tcp::v4());
    listener_.bind(tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    listener_.listen(0);
    for (int i = 0; i < 4; ++i) {
      auto& socket = fillers_.emplace_back(executor);
      socket.open(tcp::v4());
      socket.non_blocking(true);
      // Asio's connect() waits even on a socket that should not.
      const auto to = listener_.local_endpoint();
      static_cast<void>(::connect(socket.native_handle(), to.data(), static_cast<socklen_t>(to.size())));
    }
  }
  std::string url() const { return fmt::format("http://127.0.0.1:{}/", listener_.local_endpoint().port()); }

 private:
  Acceptor listener_;
  std::vector<Socket> fillers_;
};

CO_TEST(Client, connecting_has_its_own_deadline) {
  Bench bench(loop);
  const FullBacklog full(loop.executor());
  ClientRequest request = get(full.url());
  request.connect_timeout = 50ms;
  request.total_timeout = 15s;
  const auto answer = co_await bench.client.send(request);
  CO_ASSERT_TRUE(!answer.has_value());
  EXPECT_EQ(answer.error().kind, ClientFailure::timed_out);
  EXPECT_GE(answer.error().timings.total_ms, 50.0);
  EXPECT_FALSE(answer.error().timings.connect_ms.has_value());
  request.connect_timeout = 15s;
  request.total_timeout = 50ms;
  EXPECT_EQ((co_await bench.client.send(request)).error().kind, ClientFailure::timed_out);
  co_await bench.close();
}

CO_TEST(Client, a_refused_connection_is_told_from_a_lost_one) {
  Bench bench(loop);
  std::string url;
  {
    Sink gone(loop.executor(), reply_ok);
    url = gone.url();
  }
  const auto refused = co_await bench.client.send(get(url));
  CO_ASSERT_TRUE(!refused.has_value());
  EXPECT_EQ(refused.error().kind, ClientFailure::connect_failed);
  EXPECT_NE(refused.error().message.find("refused"), std::string::npos);

  std::string bytes;
  Sink sink(loop.executor(), [&](const SinkRequest&) { return SinkReply{bytes, SinkReply::Then::close}; });
  sink.start();
  for (const auto each : {"", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                          "SSH-2.0-OpenSSH\r\n", "garbage"}) {
    bytes = each;
    const auto lost = co_await bench.client.send(get(sink.url()));
    CO_ASSERT_TRUE(!lost.has_value());
    EXPECT_EQ(lost.error().kind, ClientFailure::protocol_error) << each;
  }
  co_await bench.close();
  co_await sink.close();
}

CO_TEST(Client, an_unknown_name_is_unresolvable) {
  Bench bench(loop);
  const auto answer = co_await bench.client.send(get("http://nowhere.test/"));
  CO_ASSERT_TRUE(!answer.has_value());
  EXPECT_EQ(answer.error().kind, ClientFailure::unresolvable);
  EXPECT_NE(answer.error().message.find("nowhere.test"), std::string::npos);
  co_await bench.close();
}

CO_TEST(Client, refuses_urls_it_does_not_send_to) {
  Bench bench(loop);
  for (const std::string url : {"",
                                "x",
                                "/path",
                                "//127.0.0.1/",
                                "127.0.0.1/",
                                "ftp://127.0.0.1/",
                                "file:///etc/passwd",
                                "gopher://127.0.0.1/",
                                "HTTP://",
                                "http:///path",
                                "http://?q",
                                "http://u:p@127.0.0.1/",
                                "http://user@127.0.0.1/",
                                "http://@127.0.0.1/",
                                "http://127.0.0.1:99999/",
                                "http://127.0.0.1:x/",
                                "http://[::1/",
                                "http://[fe80::1%25eth0]/",
                                "http://a b/",
                                "http://127.0.0.1/\r\nX: y",
                                "javascript:alert(1)",
                                "http://./",
                                "http://b\xc3\xbc"
                                "cher.test/",
                                "http://b%C3%BCcher.test/"}) {
    const auto answer = co_await bench.client.send(get(url));
    CO_ASSERT_TRUE(!answer.has_value());
    EXPECT_EQ(answer.error().kind, ClientFailure::bad_url) << url << ": " << answer.error().message;
    EXPECT_EQ(answer.error().message.find("u:p"), std::string::npos);
  }
  EXPECT_EQ((co_await bench.client.send(get("http://127.0.0.1/" + std::string(9000, 'x')))).error().kind, ClientFailure::bad_url);
  EXPECT_EQ((co_await bench.client.send(get(std::string("http://127.0.0.1/\0x", 19)))).error().kind, ClientFailure::bad_url);
  EXPECT_EQ(bench.client.stats().sent, 0u);
  co_await bench.close();
}

CO_TEST(Client, refuses_what_would_break_the_message) {
  Bench bench(loop);
  Sink sink(loop.executor(), reply_ok);
  for (const std::string method : {"", "get", "GET ", "G\r\nX: y", "CONNECT", "TRACE", "ABCDEFGHIJKLMNOPQ"}) {
    ClientRequest request = get(sink.url());
    request.method = method;
    EXPECT_EQ((co_await bench.client.send(request)).error().kind, ClientFailure::bad_request) << method;
  }
  const Headers bad[] = {{{"", "x"}},
                         {{"A B", "x"}},
                         {{"A:", "x"}},
                         {{"A", "x\r\nB: y"}},
                         {{"A", std::string("x\0y", 3)}},
                         {{"content-length", "5"}},
                         {{"Transfer-Encoding", "chunked"}},
                         {{"Connection", "close"}},
                         {{"EXPECT", "100-continue"}},
                         {{"Upgrade", "x"}}};
  for (const auto& headers : bad) {
    ClientRequest request = get(sink.url());
    request.headers = headers;
    EXPECT_EQ((co_await bench.client.send(request)).error().kind, ClientFailure::bad_request) << headers[0].first;
  }
  ClientRequest many = get(sink.url());
  many.headers.assign(257, {"A", "b"});
  EXPECT_EQ((co_await bench.client.send(many)).error().kind, ClientFailure::bad_request);
  EXPECT_EQ(sink.accepted, 0u);
  co_await bench.close();
}

CO_TEST(Client, N_14_blocks_guarded_addresses_in_every_spelling) {
  Bench bench(loop, "");
  Sink sink(loop.executor(), reply_ok);
  sink.start();
  bench.name("inside.test", {"127.0.0.1"});
  bench.name("mapped.test", {"::ffff:127.0.0.1"});
  bench.name("mixed.test", {"93.184.216.34", "2606:4700::1111", "169.254.169.254"});
  for (const std::string host : {"127.0.0.1",
                                 "127.1",
                                 "2130706433",
                                 "0x7f.1",
                                 "0177.0.0.1",
                                 "127.0.0.1.",
                                 "0.0.0.0",
                                 "0",
                                 "[::1]",
                                 "[::]",
                                 "[::ffff:127.0.0.1]",
                                 "[::ffff:7f00:1]",
                                 "[64:ff9b::7f00:1]",
                                 "[2002:7f00:1::]",
                                 "[fe80::1]",
                                 "[fd00::1]",
                                 "169.254.169.254",
                                 "100.100.100.200",
                                 "[fd00:ec2::254]",
                                 "224.0.0.1",
                                 "255.255.255.255",
                                 "inside.test",
                                 "INSIDE.test.",
                                 "mapped.test",
                                 "mixed.test"}) {
    const auto answer = co_await bench.client.send(get(fmt::format("http://{}:{}/", host, sink.port())));
    CO_ASSERT_TRUE(!answer.has_value());
    EXPECT_EQ(answer.error().kind, ClientFailure::blocked_address) << host << ": " << answer.error().message;
  }
  EXPECT_EQ(sink.accepted, 0u);
  EXPECT_EQ(bench.client.stats().sent, 0u);
  // A probe may reach this machine, but neither link-local nor metadata.
  ClientRequest probe = get(sink.url());
  probe.policy = net::EgressPolicy::probe;
  EXPECT_TRUE((co_await bench.client.send(probe)).has_value());
  probe.url = fmt::format("http://169.254.169.254:{}/", sink.port());
  EXPECT_EQ((co_await bench.client.send(probe)).error().kind, ClientFailure::blocked_address);
  co_await bench.close();
  co_await sink.close();
}

CO_TEST(Client, N_14_judges_again_as_the_socket_is_made) {
  Bench bench(loop, "127.0.0.1/32");
  Sink sink(loop.executor(), reply_ok);
  sink.start();
  bench.name("app.test", {"127.0.0.1"});
  bench.client.on_hand_over_for_test([](std::vector<net::Address>& addresses) { addresses = {*net::Address::parse("127.0.0.2")}; });
  const auto answer = co_await bench.client.send(get(sink.url("/", "app.test")));
  CO_ASSERT_TRUE(!answer.has_value());
  EXPECT_EQ(answer.error().kind, ClientFailure::blocked_address);
  EXPECT_NE(answer.error().message.find("127.0.0.2"), std::string::npos);
  EXPECT_EQ(bench.client.stats().connections_opened, 0u);
  bench.client.on_hand_over_for_test({});
  EXPECT_TRUE((co_await bench.client.send(get(sink.url("/", "app.test")))).has_value());
  co_await bench.close();
  co_await sink.close();
}

CO_TEST(Client, N_14_connects_only_to_the_judged_answer_of_a_name_that_changes) {
  Bench bench(loop, "127.0.0.1/32");
  Sink sink(loop.executor(), reply_ok);
  sink.start();
  int look_ups = 0;
  bench.name("rebind.test", {"127.0.0.1"});
  // From the moment it was judged the name leads elsewhere; whoever looked it up again would go there.
  bench.client.on_hand_over_for_test([&](std::vector<net::Address>& addresses) {
    ++look_ups;
    EXPECT_EQ(addresses[0].to_string(), "127.0.0.1");
    bench.name("rebind.test", {"127.0.0.2"});
  });
  ClientRequest request = get(sink.url("/", "rebind.test"));
  EXPECT_TRUE((co_await bench.client.send(request)).has_value());
  // And a kept connection does not make the new answer acceptable.
  EXPECT_EQ((co_await bench.client.send(request)).error().kind, ClientFailure::blocked_address);
  EXPECT_EQ(look_ups, 1);
  EXPECT_EQ(sink.requests, 1u);
  co_await bench.close();
  co_await sink.close();
}

CO_TEST(Client, finds_the_judged_addresses_under_every_spelling_of_the_name) {
  // The resolver of libcurl would not know these names: that they answer shows that it was not asked.
  Bench bench(loop);
  Sink sink(loop.executor(), reply_ok);
  sink.start();
  bench.name("app.test", {"127.0.0.1"});
  bench.name("xn--bcher-kva.test", {"127.0.0.1"});
  bench.name("localhost", {"127.0.0.1"});
  bench.name("under_score.test", {"127.0.0.1"});
  for (const std::string host :
       {"app.test", "APP.Test", "app.test.", "xn--bcher-kva.test", "XN--bcher-KVA.test", "localhost", "%61pp.test", "under_score.test"}) {
    const auto answer = co_await bench.client.send(get(fmt::format("http://{}:{}/", host, sink.port())));
    EXPECT_TRUE(answer.has_value()) << host << ": " << (answer ? "" : answer.error().message);
  }
  co_await bench.close();
  co_await sink.close();
}

CO_TEST(Client, tries_the_next_address_of_a_name) {
  Bench bench(loop, "127.0.0.0/8 ::1");
  Sink sink(loop.executor(), reply_ok);
  sink.start();
  bench.name("two.test", {"127.0.0.9", "::1", "127.0.0.1"});  // only the last one listens
  EXPECT_TRUE((co_await bench.client.send(get(sink.url("/", "two.test")))).has_value());
  co_await bench.close();
  co_await sink.close();
}

CO_TEST(Client, ignores_proxies_of_the_environment) {
  struct Environment {
    Environment(const std::string& proxy) {
      for (const char* name : {"http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"}) ::setenv(name, proxy.c_str(), 1);
    }
    ~Environment() {
      for (const char* name : {"http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"}) ::unsetenv(name);
    }
  };
  Bench bench(loop);
  Sink proxy(loop.executor(), reply_ok);
  Sink sink(loop.executor(), reply_ok);
  proxy.start();
  sink.start();
  const Environment environment(proxy.url());
  EXPECT_TRUE((co_await bench.client.send(get(sink.url()))).has_value());
  EXPECT_EQ(sink.accepted, 1u);
  EXPECT_EQ(proxy.accepted, 0u);
  co_await bench.close();
  co_await sink.close();
  co_await proxy.close();
}

CO_TEST(Client, tells_what_each_phase_took) {
  Bench bench(loop);
  Sink sink(loop.executor(), reply_ok);
  sink.start();
  bench.name("app.test", {"127.0.0.1"});
  const auto named = co_await bench.client.send(get(sink.url("/", "app.test")));
  CO_ASSERT_TRUE(named.has_value());
  const Timings& t = named->timings;
  CO_ASSERT_TRUE(t.dns_ms && t.connect_ms && t.wait_ms && t.transfer_ms);
  EXPECT_FALSE(t.tls_ms);
  for (const double each : {*t.dns_ms, *t.connect_ms, *t.wait_ms, *t.transfer_ms}) EXPECT_GE(each, 0.0);
  EXPECT_LE(*t.dns_ms + *t.connect_ms + *t.wait_ms + *t.transfer_ms, t.total_ms + 1.0);
  const auto literal = co_await bench.client.send(get(sink.url()));
  EXPECT_FALSE(literal->timings.dns_ms);
  co_await bench.close();
  co_await sink.close();
}

CO_TEST(Client, cancellation_in_any_phase_frees_everything) {
  Bench bench(loop);
  std::string bytes;
  Sink sink(loop.executor(), [&](const SinkRequest&) { return SinkReply{bytes, SinkReply::Then::hang}; });
  sink.start();
  const FullBacklog full(loop.executor());
  const std::size_t descriptors = open_descriptors();
  for (const auto each : {"", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345"}) {
    bytes = each;
    async::TaskScope scope(loop.executor(), [](std::string_view, std::exception_ptr) { ADD_FAILURE(); });
    std::optional<ClientResult> answer;
    const auto send = [](Client& client, ClientRequest request, std::optional<ClientResult>& into) -> awaitable<void> {
      into = co_await client.send(std::move(request));
    };
    scope.spawn("waiting for the answer", send(bench.client, get(sink.url()), answer));
    scope.spawn("connecting", send(bench.client, get(full.url()), answer));
    const std::size_t requests = sink.requests;
    co_await sink.wait_for_requests(requests + 1);
    EXPECT_EQ(bench.client.stats().in_flight, 2u);
    const std::size_t closed = sink.closed;
    co_await scope.stop();
    EXPECT_FALSE(answer);
    EXPECT_EQ(bench.client.stats().in_flight, 0u);
    co_await sink.wait_for_closed(closed + 1);
  }
  co_await bench.close();
  EXPECT_EQ(open_descriptors(), descriptors);
  co_await sink.close();
}

CO_TEST(Client, closing_ends_what_is_in_flight_and_what_comes_later) {
  Bench bench(loop);
  Sink sink(loop.executor(), [&](const SinkRequest&) { return SinkReply{"", SinkReply::Then::hang}; });
  sink.start();
  std::vector<std::optional<ClientResult>> answers(50);
  for (auto& answer : answers) bench.send(get(sink.url()), answer);
  co_await sink.wait_for_requests(answers.size());
  EXPECT_EQ(bench.client.stats().in_flight, answers.size());
  co_await bench.client.close();
  EXPECT_EQ(bench.client.stats().in_flight, 0u);
  co_await bench.scope.join();
  for (const auto& answer : answers) EXPECT_EQ(answer->error().kind, ClientFailure::cancelled);
  co_await sink.wait_for_closed(answers.size());
  EXPECT_EQ((co_await bench.client.send(get(sink.url()))).error().kind, ClientFailure::cancelled);
  co_await bench.client.close();
  co_await sink.close();
}

CO_TEST(Client, more_than_the_limit_in_flight_is_busy) {
  Client::Options options;
  options.max_in_flight = 2;
  Bench bench(loop, "127.0.0.0/8", options);
  Sink sink(loop.executor(), [&](const SinkRequest&) { return SinkReply{"", SinkReply::Then::hang}; });
  sink.start();
  std::vector<std::optional<ClientResult>> answers(2);
  for (auto& answer : answers) bench.send(get(sink.url()), answer);
  co_await sink.wait_for_requests(2);
  EXPECT_EQ((co_await bench.client.send(get(sink.url()))).error().kind, ClientFailure::busy);
  co_await bench.close();
  co_await bench.scope.join();
  co_await sink.close();
}

/// A look-up that hangs for 4 s, and the longest time the loop did nothing meanwhile.
class HangingLookUp {
 public:
  Result<std::vector<net::Address>> look_up() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, 4s, [&] { return stop_; });
    ended_ = true;
    return fail(ErrorCode::unavailable, "name service failed");
  }
  bool ended() {
    const std::lock_guard lock(mutex_);
    return ended_;
  }
  void stop() {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stop_ = false;
  bool ended_ = false;
};

awaitable<void> beat(async::Loop& loop, bool& stop, std::chrono::nanoseconds& longest) {
  asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Executor> timer(loop.executor());
  auto last = std::chrono::steady_clock::now();
  while (!stop) {
    timer.expires_after(2ms);
    co_await timer.async_wait(use_awaitable);
    const auto now = std::chrono::steady_clock::now();
    longest = std::max(longest, now - last);
    last = now;
  }
}

awaitable<std::chrono::nanoseconds> longest_gap(async::Loop& loop) {
  SystemClock clock;
  async::TimerWheel wheel(loop.executor(), clock);
  const auto hanging = std::make_shared<HangingLookUp>();
  net::Resolver resolver(loop.executor(), wheel, {}, [hanging](const std::string&) { return hanging->look_up(); });
  const net::Egress egress({});
  Client client(loop, wheel, resolver, egress, {});
  async::TaskScope scope(loop.executor(), [](std::string_view, std::exception_ptr) { ADD_FAILURE(); });
  bool stop = false;
  std::chrono::nanoseconds longest{};
  scope.spawn("heartbeat", beat(loop, stop, longest));
  ClientRequest request = get("http://hanging.test/");
  request.connect_timeout = 300ms;
  const auto answer = co_await client.send(request);
  EXPECT_EQ(answer.error().kind, ClientFailure::timed_out);
  EXPECT_GE(answer.error().timings.total_ms, 300.0);
  EXPECT_LT(answer.error().timings.total_ms, 2000.0);
  // libcurl's own threads stop the loop just when a look-up nobody waits for any more comes to its end.
  while (!hanging->ended()) co_await wheel.sleep(20ms);
  stop = true;
  co_await scope.join();
  co_await client.close();
  resolver.close();
  co_return longest;
}

CO_TEST(Client, a_look_up_that_hangs_four_seconds_keeps_the_loop_under_50_ms) {
  // On a busy machine the whole process may stand still for longer; a loop that waits for the look-up does so every time.
  std::chrono::nanoseconds best = 1h;
  for (int round = 0; round < 3 && best >= 50ms; ++round) best = std::min(best, co_await longest_gap(loop));
  EXPECT_LT(best, 50ms);
}

}  // namespace
}  // namespace watchbell::http::test
