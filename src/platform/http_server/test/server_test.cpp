// NOLINTBEGIN(cppcoreguidelines-avoid-capturing-lambda-coroutines): handlers stand in the rig, which outlives their coroutines.
#include "rig.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include "async/event.hpp"
#include "base/fault.hpp"

namespace watchbell::http::test {
namespace {

HTTP_TEST(Server, answers_and_keeps_the_connection) {
  rig.start();
  auto client = co_await rig.client();
  for (int i = 0; i < 3; ++i) {
    co_await client->send(post("/p?q", "body" + std::to_string(i)));
    const Answer answer = co_await client->answer();
    CO_ASSERT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, "POST /p?q body" + std::to_string(i));
    EXPECT_EQ(answer.header("content-type"), "text/plain");
    EXPECT_EQ(answer.header("content-length"), std::to_string(answer.body.size()));
    EXPECT_EQ(answer.header("date"), "Thu, 01 Jan 2026 00:00:00 GMT");
    EXPECT_EQ(answer.header("connection"), std::nullopt);
  }
  EXPECT_EQ(rig.server->connections(), 1u);
  EXPECT_EQ(rig.handler.handled, 3);
}

HTTP_TEST(Server, date_follows_the_clock) {
  rig.start();
  auto client = co_await rig.client();
  co_await client->send(get("/"));
  (void)co_await client->answer();
  rig.clock.advance(61s);
  co_await client->send(get("/"));
  EXPECT_EQ((co_await client->answer()).header("date"), "Thu, 01 Jan 2026 00:01:01 GMT");
}

HTTP_TEST(Server, answers_on_the_spot_without_the_coroutine) {
  const std::string long_text(200'000, 'x');
  rig.handler.now = [&](const Request& request, Response& response) {
    if (request.path() == "/static") response.body = std::string_view("static");
    else if (request.path() == "/shared") response.body = std::make_shared<const std::string>(long_text);
    else if (request.path() == "/none") response.status = 204;
    else if (request.path() == "/odd") response.status = 299;
    else return false;
    response.add("x-path", request.path());
    return true;
  };
  rig.start();
  auto client = co_await rig.client();
  co_await client->send(get("/static") + get("/shared") + get("/none") + get("/odd") + get("/slow"));
  Answer answer = co_await client->answer();
  EXPECT_EQ(answer.body, "static");
  EXPECT_EQ(answer.header("x-path"), "/static");
  answer = co_await client->answer();
  EXPECT_EQ(answer.body, long_text);
  answer = co_await client->answer();
  EXPECT_EQ(answer.status, 204);
  EXPECT_EQ(answer.header("content-length"), std::nullopt);
  EXPECT_EQ((co_await client->answer()).status, 299);
  EXPECT_EQ((co_await client->answer()).body, "GET /slow ");
  EXPECT_EQ(rig.handler.answered_now, 4);
  EXPECT_EQ(rig.handler.handled, 1);
}

HTTP_TEST(Server, pipelined_requests_are_answered_in_order) {
  async::Event gate(rig.loop.executor());
  bool open = false;
  rig.handler.now = [](const Request& request, Response& response) {
    if (request.path() == "/slow") return false;
    response.text().assign(request.path());
    return true;
  };
  rig.handler.later = [&](const Request&, Response& response) -> awaitable<void> {
    while (!open) co_await gate.wait();
    response.body = std::string_view("slow");
  };
  rig.start();
  auto client = co_await rig.client();
  co_await client->send(get("/slow") + get("/1") + post("/2", "x") + get("/3"));
  co_await rig.until([&] { return gate.waiting() == 1; });
  EXPECT_EQ(rig.handler.answered_now, 0) << "nothing overtakes the first";
  open = true;
  gate.notify_all();
  for (const auto* body : {"slow", "/1", "/2", "/3"}) EXPECT_EQ((co_await client->answer()).body, body);
}

HTTP_TEST(Server, a_pipelined_flood_leaves_other_connections_their_turn) {
  std::string order;
  rig.handler.now = [&](const Request& request, Response& response) {
    order += request.path() == "/flood" ? 'f' : 'o';
    response.text().assign(request.path());
    return true;
  };
  rig.start();
  auto flood = co_await rig.client();
  auto other = co_await rig.client();
  std::string many;
  for (int i = 0; i < 300; ++i) many += get("/flood");
  co_await flood->send(many);
  co_await other->send(get("/other"));
  EXPECT_EQ((co_await other->answer()).body, "/other");
  for (int i = 0; i < 300; ++i) EXPECT_EQ((co_await flood->answer()).body, "/flood");
  const auto at = order.find('o');
  EXPECT_LE(at, 200u) << "the other waited for the whole flood";
  EXPECT_EQ(order.size(), 301u);
}

HTTP_TEST(Server, an_answer_that_is_held_goes_out_late_and_keeps_what_came_behind_it_waiting) {
  rig.handler.now = [&](const Request& request, Response& response) {
    if (request.path() == "/held") response.hold = 250ms;
    response.close = request.path() == "/last";
    response.text().assign(request.path());
    return true;
  };
  rig.start();
  auto client = co_await rig.client();
  co_await client->send(get("/held") + get("/next"));
  co_await rig.until([&] { return rig.handler.answered_now == 1; });
  rig.clock.advance(200ms);
  co_await rig.settle();
  EXPECT_EQ(rig.handler.answered_now, 1) << "nothing was read behind it";
  rig.clock.advance(100ms);
  EXPECT_EQ((co_await client->answer()).body, "/held");
  EXPECT_EQ((co_await client->answer()).body, "/next") << "and the next is not held";
  co_await client->send(get("/last"));
  EXPECT_EQ((co_await client->answer()).body, "/last");
  EXPECT_TRUE(co_await client->ends());
}

HTTP_TEST(Server, head_has_the_length_and_no_body) {
  rig.start();
  auto client = co_await rig.client();
  co_await client->send("HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n" + get("/y"));
  const Answer answer = co_await client->answer(true);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.header("content-length"), "8");
  EXPECT_EQ((co_await client->answer()).body, "GET /y ");
}

HTTP_TEST(Server, http_1_0_closes_unless_asked) {
  rig.start();
  auto client = co_await rig.client();
  co_await client->send("GET /1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ((co_await client->answer()).header("connection"), "keep-alive");
  co_await client->send("GET /2 HTTP/1.0\r\n\r\n");
  EXPECT_EQ((co_await client->answer()).header("connection"), "close");
  EXPECT_TRUE(co_await client->ends());
}

HTTP_TEST(Server, connection_close_of_either_side_ends_it) {
  rig.handler.later = [](const Request& request, Response& response) -> awaitable<void> {
    response.close = request.path() == "/close";
    co_return;
  };
  rig.start();
  for (const auto& request : {get("/close"), get("/", "Connection: close\r\n")}) {
    auto client = co_await rig.client();
    co_await client->send(request);
    EXPECT_EQ((co_await client->answer()).header("connection"), "close");
    EXPECT_TRUE(co_await client->ends());
  }
}

HTTP_TEST(Server, half_closed_client_still_gets_its_answers) {
  rig.start();
  auto client = co_await rig.client();
  co_await client->send(get("/1") + get("/2"));
  client->finish();
  EXPECT_EQ((co_await client->answer()).body, "GET /1 ");
  EXPECT_EQ((co_await client->answer()).body, "GET /2 ");
  EXPECT_TRUE(co_await client->ends());
  co_await rig.until([&] { return rig.server->connections() == 0; });
}

HTTP_TEST(Server, request_cut_short_is_400_and_never_handled) {
  rig.start();
  for (const std::string request : {"GET / HT", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf"}) {
    auto client = co_await rig.client();
    co_await client->send(request);
    client->finish();
    EXPECT_EQ((co_await client->answer()).status, 400);
    EXPECT_TRUE(co_await client->ends());
  }
  EXPECT_EQ(rig.handler.handled, 0);
}

HTTP_TEST(Server, client_that_vanishes_mid_body_or_mid_answer_is_forgotten) {
  async::Event gate(rig.loop.executor());
  rig.handler.later = [&](const Request&, Response& response) -> awaitable<void> {
    co_await gate.wait();
    response.text().assign(8 << 20, 'x');
  };
  rig.start();
  auto half = co_await rig.client();
  co_await half->send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nhalf");
  half->reset();
  co_await rig.until([&] { return rig.server->connections() == 0; });
  EXPECT_EQ(rig.handler.handled, 0);
  auto gone = co_await rig.client();
  co_await gone->send(get("/"));
  co_await rig.until([&] { return gate.waiting() == 1; });
  gone->reset();
  gate.notify_all();
  co_await rig.until([&] { return rig.server->connections() == 0; });
  EXPECT_TRUE(rig.faults.empty());
}

HTTP_TEST(Server, chunked_and_large_bodies_arrive_whole) {
  rig.handler.later = [](const Request& request, Response& response) -> awaitable<void> {
    response.text().assign(request.body());
    co_return;
  };
  rig.start();
  auto client = co_await rig.client();
  std::string body;
  std::string chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 500; ++i) {
    const std::string piece(static_cast<std::size_t>(1 + i), static_cast<char>('a' + i % 26));
    body += piece;
    char size[16];
    std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
    chunked += size + piece + "\r\n";
  }
  co_await client->send(chunked + "0\r\n\r\n" + get("/after"));
  EXPECT_TRUE((co_await client->answer()).body == body);
  EXPECT_EQ((co_await client->answer()).status, 200);
  const std::string large(Handler::kDefaultBodyLimit, 'z');
  co_await client->send(post("/", large));
  EXPECT_TRUE((co_await client->answer()).body == large);
}

HTTP_TEST(Server, continue_is_sent_when_the_body_is_allowed_and_413_when_not) {
  rig.handler.limit = [](const Request& request) { return request.path() == "/small" ? std::size_t{4} : std::size_t{100}; };
  rig.start();
  auto client = co_await rig.client();
  co_await client->send("POST /p HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ((co_await client->answer()).status, 100);
  co_await client->send("hello");
  EXPECT_EQ((co_await client->answer()).body, "POST /p hello");
  co_await client->send("POST /small HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ((co_await client->answer()).status, 413);
  EXPECT_TRUE(co_await client->ends());
}

HTTP_TEST(Server, bad_requests_are_refused_as_json_and_closed) {
  rig.start();
  const std::vector<std::pair<std::string, int>> cases{
      {"nonsense\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(40'000, 'a') + "\r\n\r\n", 431},
      {"GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505},
      {post("/", "x").replace(0, 4, "PUT") + std::string(), 200},
  };
  for (const auto& [text, status] : cases) {
    auto client = co_await rig.client();
    co_await client->try_send(text);
    const Answer answer = co_await client->answer();
    EXPECT_EQ(answer.status, status) << text.substr(0, 80);
    if (status == 200) continue;
    EXPECT_EQ(answer.header("connection"), "close");
    EXPECT_EQ(answer.header("content-type"), "application/json");
    EXPECT_TRUE(answer.body.starts_with("{\"error\":\"") && answer.body.ends_with("\"}")) << answer.body;
    EXPECT_TRUE(co_await client->ends());
  }
  EXPECT_EQ(rig.handler.handled, 1);
}

HTTP_TEST(Server, too_large_body_is_413_that_the_client_can_read) {
  rig.start();
  for (const bool chunked : {false, true}) {
    auto client = co_await rig.client();
    const std::string body(2 << 20, 'x');
    std::string request = chunked ? "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n200000\r\n" + body + "\r\n0\r\n\r\n" : post("/", body);
    // All of it is sent before anything is read, as simple clients do.
    co_await client->send(request);
    client->finish();
    EXPECT_EQ((co_await client->answer()).status, 413);
    EXPECT_TRUE(co_await client->ends());
  }
  EXPECT_EQ(rig.handler.handled, 0);
}

HTTP_TEST(Server, bodies_share_one_budget_of_memory) {
  constexpr std::size_t kLarge = 4 << 20;
  rig.handler.limit = [](const Request&) { return kLarge; };
  rig.handler.later = [](const Request& request, Response& response) -> awaitable<void> {
    response.text() = std::to_string(request.body().size());
    co_return;
  };
  rig.options.max_buffered_bytes = 6 << 20;
  rig.start();
  const std::string large = post("/", std::string(kLarge, 'x'));
  auto first = co_await rig.client();
  co_await first->send(large.substr(0, large.size() - 1));
  auto second = co_await rig.client();
  co_await second->try_send(large);
  EXPECT_EQ((co_await second->answer()).status, 503);
  // Small requests go on, and so does who came first.
  auto third = co_await rig.client();
  co_await third->send(post("/", "small"));
  EXPECT_EQ((co_await third->answer()).body, "5");
  co_await first->send("x");
  EXPECT_EQ((co_await first->answer()).body, std::to_string(kLarge));
  // What is done with is given back, although its connection stays.
  second->close();
  for (auto* client : {&third, &first}) {
    co_await (*client)->send(large);
    EXPECT_EQ((co_await (*client)->answer()).body, std::to_string(kLarge));
  }
}

HTTP_TEST(Server, slow_head_is_408_after_its_time) {
  rig.start();
  auto client = co_await rig.client();
  // A byte now and then does not help.
  for (int i = 0; i < 9; ++i) {
    co_await client->send(i == 0 ? "GET / HTTP/1.1\r\nHost: a\r\n" : "X: y\r\n");
    co_await rig.settle();
    rig.clock.advance(1s);
    co_await rig.settle();
  }
  EXPECT_EQ(rig.server->connections(), 1u);
  rig.clock.advance(1100ms);
  const Answer answer = co_await client->answer();
  EXPECT_EQ(answer.status, 408);
  EXPECT_EQ(answer.header("connection"), "close");
  EXPECT_TRUE(co_await client->ends());
}

HTTP_TEST(Server, slow_body_is_408_after_its_time) {
  rig.start();
  auto client = co_await rig.client();
  co_await client->send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n");
  for (int i = 0; i < 29; ++i) {
    co_await client->send("x");
    co_await rig.settle();
    rig.clock.advance(1s);
    co_await rig.settle();
  }
  EXPECT_EQ(rig.server->connections(), 1u);
  rig.clock.advance(1100ms);
  EXPECT_EQ((co_await client->answer()).status, 408);
  EXPECT_TRUE(co_await client->ends());
  EXPECT_EQ(rig.handler.handled, 0);
}

HTTP_TEST(Server, silent_and_idle_connections_are_closed) {
  rig.start();
  auto silent = co_await rig.client();
  auto idle = co_await rig.client();
  co_await idle->send(get("/"));
  EXPECT_EQ((co_await idle->answer()).status, 200);
  rig.clock.advance(10100ms);
  EXPECT_TRUE(co_await silent->ends()) << "no request, no answer";
  // Its deadline moves with each request.
  co_await idle->send(get("/"));
  EXPECT_EQ((co_await idle->answer()).status, 200);
  rig.clock.advance(74s);
  co_await rig.settle();
  EXPECT_EQ(rig.server->connections(), 1u);
  rig.clock.advance(1100ms);
  EXPECT_TRUE(co_await idle->ends());
}

HTTP_TEST(Server, next_head_has_its_own_deadline_after_idling) {
  rig.start();
  auto client = co_await rig.client();
  co_await client->send(get("/"));
  EXPECT_EQ((co_await client->answer()).status, 200);
  rig.clock.advance(60s);
  co_await client->send("GET / HT");
  co_await rig.settle();
  rig.clock.advance(9s);
  co_await rig.settle();
  EXPECT_EQ(rig.server->connections(), 1u);
  rig.clock.advance(1100ms);
  EXPECT_EQ((co_await client->answer()).status, 408);
}

HTTP_TEST(Server, client_that_does_not_read_is_cut_and_one_that_reads_slowly_is_not) {
  const auto large = std::make_shared<const std::string>(32 << 20, 'x');
  rig.handler.now = [&](const Request&, Response& response) {
    response.body = large;
    return true;
  };
  rig.start();
  auto stuck = co_await rig.client();
  co_await stuck->send(get("/"));
  co_await rig.until([&] { return rig.handler.answered_now == 1; });
  co_await rig.settle();
  EXPECT_EQ(rig.server->connections(), 1u);
  co_await rig.pass_until([&] { return rig.server->connections() == 0; });
  auto slow = co_await rig.client();
  co_await slow->send(get("/"));
  std::size_t got = 0;
  while (got < large->size()) {
    const std::size_t size = (co_await slow->take(4 << 20)).size();
    if (size == 0) break;
    got += size;
    rig.clock.advance(20s);
    co_await rig.settle();
  }
  EXPECT_GE(got, large->size());
}

HTTP_TEST(Server, faults_become_a_plain_500_and_are_reported) {
  rig.handler.now = [](const Request& request, Response& response) {
    response.text().assign("half an answer");
    if (request.path() == "/now") throw Fault("secret detail");
    return false;
  };
  rig.handler.later = [](const Request& request, Response& response) -> awaitable<void> {
    EXPECT_EQ(response.body_view(), "") << "handle() starts afresh";
    response.add("x-half", "1");
    if (request.path() == "/later") throw Fault("secret detail");
    if (request.path() == "/abort") throw boost::system::system_error(asio::error::operation_aborted);
    co_return;
  };
  rig.handler.limit = [](const Request& request) -> std::size_t {
    if (request.path() == "/limit") throw Fault("secret detail");
    return 10;
  };
  rig.start();
  auto client = co_await rig.client();
  for (const auto* path : {"/now", "/later", "/abort"}) {
    co_await client->send(get(path));
    const Answer answer = co_await client->answer();
    EXPECT_EQ(answer.status, 500);
    EXPECT_EQ(answer.body, R"({"error":"Internal Server Error"})");
    EXPECT_EQ(answer.header("x-half"), std::nullopt);
  }
  co_await client->send(post("/limit", "x"));
  EXPECT_EQ((co_await client->answer()).status, 500);
  EXPECT_TRUE(co_await client->ends());
  EXPECT_EQ(rig.faults, (std::vector<std::string>(4, "http request")));
}

HTTP_TEST(Server, request_knows_its_peer) {
  rig.handler.later = [](const Request& request, Response& response) -> awaitable<void> {
    response.text().assign(request.peer_address());
    co_return;
  };
  rig.start();
  auto client = co_await rig.client();
  co_await client->send(get("/"));
  EXPECT_EQ((co_await client->answer()).body, "127.0.0.1");
}

HTTP_TEST(Server, connections_over_the_limit_wait_for_room) {
  rig.options.max_connections = 1;
  rig.start();
  auto first = co_await rig.client();
  Client second(rig.loop);
  co_await second.connect(rig.port);
  co_await second.send(get("/second"));
  co_await rig.settle();
  EXPECT_EQ(rig.server->connections(), 1u);
  first->close();
  EXPECT_EQ((co_await second.answer()).body, "GET /second ");
}

// Not under UBSan, which itself opens a pipe to look at a virtual table and calls the table bad when it cannot.
#if !__has_feature(address_sanitizer)
HTTP_TEST(Server, too_many_open_files_is_survived_without_spinning) {
  rig.start();
  auto early = co_await rig.client();
  Client late(rig.loop);
  late.socket().open(asio::ip::tcp::v4());
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  rlimit none = before;
  const int lowest_free = ::dup(0);  // no descriptor from here on: the next one accepted would get this number
  ::close(lowest_free);
  none.rlim_cur = static_cast<rlim_t>(lowest_free);
  ::setrlimit(RLIMIT_NOFILE, &none);
  co_await late.connect(rig.port);
  co_await late.send(get("/late"));
  co_await rig.until([&] { return !rig.faults.empty(); });
  for (int i = 0; i < 5; ++i) {
    rig.clock.advance(150ms);
    co_await rig.settle();
  }
  EXPECT_EQ(rig.faults, std::vector<std::string>{"http accept"}) << "told once";
  co_await early->send(get("/early"));
  EXPECT_EQ((co_await early->answer()).status, 200);
  ::setrlimit(RLIMIT_NOFILE, &before);
  rig.clock.advance(150ms);
  EXPECT_EQ((co_await late.answer()).status, 200);
}
#endif

HTTP_TEST(Server, port_in_use_is_one_clear_sentence) {
  rig.start();
  Server::Options options;
  options.port = rig.port;
  Server second(rig.loop, rig.wheel, rig.handler, options);
  const auto bound = second.listen();
  CO_ASSERT_TRUE(!bound.has_value());
  EXPECT_EQ(bound.error().message, "cannot listen on 127.0.0.1:" + std::to_string(rig.port) + ": the port is already in use by another program");
  EXPECT_EQ(second.port(), 0);
  options.host = "not an address";
  Server third(rig.loop, rig.wheel, rig.handler, options);
  EXPECT_EQ(third.listen().error().code, ErrorCode::bad_request);
  options.host = "203.0.113.7";
  Server fourth(rig.loop, rig.wheel, rig.handler, options);
  EXPECT_TRUE(fourth.listen().error().message.ends_with("this machine has no such address"));
  options.host = "[::1]";
  options.port = 0;
  Server fifth(rig.loop, rig.wheel, rig.handler, options);
  if (const auto six = fifth.listen()) {
    EXPECT_EQ(fifth.port(), *six);
  }
}

HTTP_TEST(ServerStop, idle_connections_are_closed_at_once) {
  rig.start();
  auto fresh = co_await rig.client();
  auto idle = co_await rig.client();
  co_await idle->send(get("/"));
  EXPECT_EQ((co_await idle->answer()).status, 200);
  rig.scope.spawn("stop", Rig::stop_server(rig));
  EXPECT_TRUE(co_await fresh->ends());
  EXPECT_TRUE(co_await idle->ends());
  co_await rig.until([&] { return rig.stopped; });  // no time had to pass
}

HTTP_TEST(ServerStop, running_request_finishes_and_its_connection_ends) {
  async::Event gate(rig.loop.executor());
  rig.handler.later = [&](const Request&, Response& response) -> awaitable<void> {
    co_await gate.wait();
    response.body = std::string_view("done");
  };
  rig.start();
  auto running = co_await rig.client();
  co_await running->send(get("/"));
  co_await rig.until([&] { return gate.waiting() == 1; });
  auto halfway = co_await rig.client();
  co_await halfway->send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nha");
  co_await rig.settle();
  rig.scope.spawn("stop", Rig::stop_server(rig));
  co_await rig.settle();
  co_await halfway->send("lf");
  co_await rig.until([&] { return gate.waiting() == 2; });
  EXPECT_FALSE(rig.stopped);
  gate.notify_all();
  for (auto* client : {running.get(), halfway.get()}) {
    const Answer answer = co_await client->answer();
    EXPECT_EQ(answer.body, "done");
    EXPECT_EQ(answer.header("connection"), "close");
    EXPECT_TRUE(co_await client->ends());
    client->close();
  }
  co_await rig.until([&] { return rig.stopped; });
}

HTTP_TEST(ServerStop, what_outlasts_the_grace_is_cancelled) {
  async::Event never(rig.loop.executor());
  bool unwound = false;
  rig.handler.later = [&](const Request&, Response&) -> awaitable<void> {
    struct Flag {
      bool& set;
      ~Flag() { set = true; }
    } const flag{unwound};
    co_await never.wait();
  };
  rig.start();
  auto client = co_await rig.client();
  co_await client->send(get("/"));
  co_await rig.until([&] { return never.waiting() == 1; });
  auto slow = co_await rig.client();
  co_await slow->send("GET");
  co_await rig.settle();
  rig.grace = 5s;
  rig.scope.spawn("stop", Rig::stop_server(rig));
  co_await rig.settle();
  rig.clock.advance(4900ms);
  co_await rig.settle();
  EXPECT_FALSE(unwound);
  rig.clock.advance(200ms);
  co_await rig.until([&] { return rig.stopped; });
  EXPECT_TRUE(unwound);
  EXPECT_EQ(rig.server->connections(), 0u);
  EXPECT_EQ(co_await client->all(), "");
  EXPECT_TRUE(rig.faults.empty());
}

/// Sends requests one after the other, on one connection or each on its own, until the server ends or refuses; counts the answers.
awaitable<void> load(Rig& rig, bool keep_alive, int& answered, int& half) {
  while (true) {
    Client client(rig.loop);
    error_code refused;
    co_await client.socket().async_connect({asio::ip::address_v4::loopback(), rig.port}, asio::redirect_error(use_awaitable, refused));
    if (refused) co_return;
    while (true) {
      co_await client.try_send(get("/", keep_alive ? "" : "Connection: close\r\n"));
      const Answer answer = co_await client.answer();
      if (answer.status == 0) {
        if (!answer.head.empty()) ++half;
        break;
      }
      ++answered;
      if (answer.header("connection") == "close") break;
    }
  }
}

HTTP_TEST(ServerStop, L_3_stop_under_load_answers_every_request_it_took) {
  rig.handler.later = [&](const Request&, Response& response) -> awaitable<void> {
    // A few turns, so that requests are under way whenever the stop comes.
    for (int i = 0; i < 5; ++i) co_await asio::post(rig.loop.executor(), use_awaitable);
    response.text().assign(20'000, 'x');
  };
  rig.start();
  int answered = 0;
  int half = 0;
  for (int i = 0; i < 16; ++i) rig.scope.spawn("load", load(rig, i % 2 == 0, answered, half));
  co_await rig.until([&] { return answered > 200; });
  co_await rig.server->stop(10s);
  // No time passed by the server's clock: nothing was cut.
  const int handled = rig.handler.handled;
  co_await rig.scope.join();
  EXPECT_EQ(rig.handler.handled, handled);
  EXPECT_EQ(answered, handled) << "each request a handler saw got its whole answer";
  EXPECT_EQ(half, 0);
}

HTTP_TEST(ServerStop, L_3_connections_waiting_in_the_kernel_are_served) {
  rig.start();
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 8; ++i) {
    clients.push_back(std::make_unique<Client>(rig.loop));
    error_code error;
    clients.back()->socket().connect({asio::ip::address_v4::loopback(), rig.port}, error);  // blocks the loop: not accepted yet
    CO_ASSERT_TRUE(!error);
    clients.back()->socket().write_some(asio::buffer(get("/")));
  }
  EXPECT_LE(rig.server->connections(), 1u);
  rig.scope.spawn("stop", Rig::stop_server(rig));
  for (auto& client : clients) {
    const Answer answer = co_await client->answer();
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.header("connection"), "close");
    client->close();
  }
  co_await rig.until([&] { return rig.stopped; });
}

}  // namespace
}  // namespace watchbell::http::test
// NOLINTEND(cppcoreguidelines-avoid-capturing-lambda-coroutines)
