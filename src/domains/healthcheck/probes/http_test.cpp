#include "domains/healthcheck/probes/http.hpp"

#include <boost/json.hpp>

#include "domains/healthcheck/probes/registry.hpp"
#include "platform/http_client/test/fixture.hpp"

namespace watchbell::healthcheck::probes {
namespace {

using namespace std::chrono_literals;
using http::test::SinkReply;
using http::test::SinkRequest;
namespace json = boost::json;

/// The registry with the HTTP strategy over a real client, and a server that answers as the test says.
struct Bench : http::test::Bench {
  explicit Bench(async::Loop& l, std::string allow = "127.0.0.0/8") : http::test::Bench(l, std::move(allow)), registry(wheel) { registry.add(make_http(client)); }

  static CollectorEntry request(std::string config, std::string assertions = "[]", std::string id = "e1") {
    CollectorEntry entry;
    entry.id = Text<1, 100>::of(std::move(id));
    entry.collector_id = Text<1, 200>::of("healthcheck-http.request");
    entry.config.text = std::move(config);
    entry.assertions = rpc::from_json<Assertions>(assertions).value();
    return entry;
  }
  awaitable<Outcome> run(std::vector<CollectorEntry> entries) {
    auto configuration = std::make_shared<Configuration>();
    configuration->strategy_id = "healthcheck-http.http";
    configuration->config.text = "{}";
    configuration->collectors = Collectors(std::move(entries));
    co_return co_await registry.run(configuration);
  }
  awaitable<Outcome> get(std::string url, std::string assertions = "[]") {
    std::vector<CollectorEntry> entries{request("{\"url\":\"" + url + "\",\"timeout\":2000}", std::move(assertions))};
    co_return co_await run(std::move(entries));
  }
  Result<void> judge(std::string config, std::optional<std::string> collector) const {
    std::optional<Collectors> collectors;
    if (collector) collectors = Collectors(std::vector{request(std::move(*collector))});
    return registry.judge("healthcheck-http.http", ConfigJson{.text = std::move(config)}, collectors, {});
  }
  Registry registry;
};

std::string answer(int status, std::string_view body = "") {
  return fmt::format("HTTP/1.1 {} Text\r\nContent-Length: {}\r\n\r\n{}", status, body.size(), body);
}

CO_TEST(HttpProbe, tells_status_latency_and_sizes_but_keeps_no_body) {
  Bench b(loop);
  http::test::Sink sink(loop.executor(), [](const SinkRequest&) { return SinkReply{answer(200, "{\"secret\":\"s3cr3t\"}")}; });
  sink.start();
  const auto outcome = co_await b.get(sink.url("/path?token=abc"), R"([{"field":"body.$","jsonPath":"$.secret","operator":"equals","value":"s3cr3t"},)"
                                                                   R"({"field":"responseTimeMs","operator":"lessThan","value":2000}])");
  EXPECT_EQ(outcome.status, RunStatus::healthy) << outcome.message;
  CO_ASSERT_TRUE(outcome.latency_ms.has_value());
  EXPECT_LT(*outcome.latency_ms, 2000);
  EXPECT_EQ(outcome.result.find("s3cr3t"), std::string::npos);
  const auto result = json::parse(outcome.result);
  EXPECT_EQ(result.at("status"), "healthy");
  const auto& metadata = result.at("metadata");
  EXPECT_EQ(metadata.at("connected"), true);
  const auto& stored = metadata.at("collectors").at("e1").as_object();
  EXPECT_EQ(stored.at("statusCode"), 200);
  EXPECT_EQ(stored.at("statusText"), "Text");
  EXPECT_EQ(stored.at("bodyLength"), 19);
  EXPECT_EQ(stored.at("success"), true);
  EXPECT_TRUE(stored.contains("responseTimeMs"));
  EXPECT_FALSE(stored.contains("body"));
  EXPECT_EQ(stored.at("_collectorId"), "healthcheck-http.request");
  EXPECT_EQ(stored.at("_assertions").as_array().size(), 2u);
  EXPECT_EQ(stored.at("_assertions").at(0).at("passed"), true);
  co_await b.close();
  co_await sink.close();
}

CO_TEST(HttpProbe, an_answer_is_good_from_200_to_399_unless_an_assertion_says_otherwise) {
  Bench b(loop);
  int status = 200;
  http::test::Sink sink(loop.executor(), [&](const SinkRequest&) { return SinkReply{answer(status)}; });
  sink.start();
  struct Row {
    int status;
    std::string assertions;
    RunStatus expected;
  };
  const std::string wants_404 = R"([{"field":"statusCode","operator":"equals","value":404}])";
  const std::string quick = R"([{"field":"responseTimeMs","operator":"lessThan","value":5000}])";
  for (const auto& row : {Row{200, "[]", RunStatus::healthy}, Row{302, "[]", RunStatus::healthy}, Row{399, "[]", RunStatus::healthy},
                          Row{404, "[]", RunStatus::unhealthy}, Row{503, "[]", RunStatus::unhealthy}, Row{404, wants_404, RunStatus::healthy},
                          Row{200, wants_404, RunStatus::unhealthy}, Row{503, quick, RunStatus::unhealthy}, Row{204, quick, RunStatus::healthy}}) {
    status = row.status;
    const auto outcome = co_await b.get(sink.url(), row.assertions);
    EXPECT_EQ(outcome.status, row.expected) << row.status << " " << row.assertions << " " << outcome.message;
    EXPECT_TRUE(outcome.latency_ms.has_value());
  }
  status = 503;
  EXPECT_EQ((co_await b.get(sink.url())).message, "status 503, expected 200 to 399");
  const auto failed = co_await b.get(sink.url(), wants_404);
  EXPECT_EQ(failed.message, "expected statusCode equals 404, was 503");
  EXPECT_EQ(json::parse(failed.result).at("metadata").at("collectors").at("e1").at("_assertionFailed").as_string(), failed.message);
  co_await b.close();
  co_await sink.close();
}

CO_TEST(HttpProbe, sends_what_the_config_says) {
  Bench b(loop);
  http::test::Sink sink(loop.executor(), [](const SinkRequest&) { return SinkReply{answer(200)}; });
  sink.start();
  const auto outcome = co_await b.run({Bench::request("{\"url\":\"" + sink.url("/a") + R"(","method":"POST","body":"hello",)"
                                                                                       R"("headers":[{"name":"X-One","value":"1"},{"name":"x-one","value":"2"}]})")});
  EXPECT_EQ(outcome.status, RunStatus::healthy) << outcome.message;
  CO_ASSERT_EQ(sink.seen.size(), 1u);
  EXPECT_EQ(sink.seen[0].first_line(), "POST /a HTTP/1.1");
  EXPECT_EQ(sink.seen[0].body, "hello");
  EXPECT_NE(sink.seen[0].head.find("x-one: 2"), std::string::npos);
  EXPECT_EQ(sink.seen[0].head.find("X-One: 1"), std::string::npos);
  co_await b.close();
  co_await sink.close();
}

CO_TEST(HttpProbe, failures_of_the_transport_have_words_and_no_latency) {
  Bench b(loop);
  http::test::Sink sink(loop.executor(), [](const SinkRequest&) { return SinkReply{"", SinkReply::Then::hang}; });
  sink.start();
  std::uint16_t closed_port = 0;
  {
    const http::test::Acceptor gone(loop.executor(), http::test::tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    closed_port = gone.local_endpoint().port();
  }
  const auto refused = co_await b.get(fmt::format("http://127.0.0.1:{}/private?token=abc", closed_port));
  EXPECT_EQ(refused.status, RunStatus::unhealthy);
  EXPECT_EQ(refused.latency_ms, std::nullopt);
  EXPECT_FALSE(refused.message.empty());
  EXPECT_EQ(refused.message.find("token"), std::string::npos);
  EXPECT_EQ(json::parse(refused.result).at("metadata").at("collectors").at("e1").at("_collectorError").as_string(), refused.message);

  const auto slow = co_await b.run({Bench::request("{\"url\":\"" + sink.url() + "\",\"timeout\":100}")});
  EXPECT_EQ(slow.status, RunStatus::unhealthy);
  EXPECT_NE(slow.message.find("within 100 ms"), std::string::npos) << slow.message;

  // Plain HTTP is no TLS.
  http::test::Sink plain(loop.executor(), [](const SinkRequest&) { return SinkReply{answer(200), SinkReply::Then::close}; });
  plain.start();
  std::string plain_url = plain.url("/", "127.0.0.1", "https");
  const auto no_tls = co_await b.run({Bench::request("{\"url\":\"" + plain_url + "\",\"timeout\":500}")});
  EXPECT_EQ(no_tls.status, RunStatus::unhealthy);
  EXPECT_FALSE(no_tls.message.empty());

  const auto no_name = co_await b.get("http://nowhere.test/");
  EXPECT_EQ(no_name.status, RunStatus::unhealthy);
  EXPECT_NE(no_name.message.find("nowhere.test"), std::string::npos) << no_name.message;
  co_await b.close();
  co_await sink.close();
  co_await plain.close();
}

CO_TEST(HttpProbe, addresses_of_the_link_and_of_clouds_are_never_reached) {
  Bench b(loop, "");
  b.name("metadata.test", {"169.254.169.254"});
  for (const char* url : {"http://169.254.169.254/latest/meta-data/", "http://metadata.test/", "http://[fe80::1]/"}) {
    const auto outcome = co_await b.get(url);
    EXPECT_EQ(outcome.status, RunStatus::unhealthy) << url;
    EXPECT_FALSE(outcome.message.empty());
  }
  // Loopback and private addresses are what an administrator checks.
  http::test::Sink sink(loop.executor(), [](const SinkRequest&) { return SinkReply{answer(200)}; });
  sink.start();
  EXPECT_EQ((co_await b.get(sink.url())).status, RunStatus::healthy);
  co_await b.close();
  co_await sink.close();
}

CO_TEST(HttpProbe, bodies_that_are_large_or_no_text_are_still_judged) {
  Bench b(loop);
  std::string body;
  http::test::Sink sink(loop.executor(), [&](const SinkRequest&) { return SinkReply{answer(200, body)}; });
  sink.keep_requests = false;
  sink.start();
  body = std::string(kMaxBody + 1000, 'x');
  auto outcome = co_await b.get(sink.url(), R"([{"field":"body","operator":"startsWith","value":"xxx"}])");
  EXPECT_EQ(outcome.status, RunStatus::healthy) << outcome.message;
  body = "caf\xe9 \xff";
  outcome = co_await b.get(sink.url(), R"([{"field":"body","operator":"contains","value":"caf\u00e9"}])");
  EXPECT_EQ(outcome.status, RunStatus::healthy) << outcome.message;
  body = "<html>";
  outcome = co_await b.get(sink.url(), R"([{"field":"body.$","jsonPath":"$.a","operator":"notExists"}])");
  EXPECT_EQ(outcome.message, "body is not JSON");
  co_await b.close();
  co_await sink.close();
}

CO_TEST(HttpProbe, collectors_run_at_the_same_time_and_one_failing_does_not_stop_the_others) {
  Bench b(loop);
  http::test::Sink sink(loop.executor(), [](const SinkRequest& request) {
    return request.head.starts_with("GET /bad") ? SinkReply{answer(500)} : SinkReply{answer(200)};
  });
  sink.start();
  const auto outcome = co_await b.run({Bench::request("{\"url\":\"" + sink.url("/good") + "\"}", "[]", "one"),
                                       Bench::request("{\"url\":\"" + sink.url("/bad") + "\"}", "[]", "two"),
                                       Bench::request("{\"url\":\"" + sink.url("/good") + "\"}", "[]", "three")});
  EXPECT_EQ(outcome.status, RunStatus::unhealthy);
  EXPECT_EQ(outcome.message, "status 500, expected 200 to 399");
  const auto result = json::parse(outcome.result);
  const auto& collectors = result.at("metadata").at("collectors").as_object();
  EXPECT_EQ(collectors.size(), 3u);
  EXPECT_EQ(collectors.at("one").at("statusCode"), 200);
  EXPECT_EQ(collectors.at("two").at("statusCode"), 500);
  EXPECT_EQ(sink.requests, 3u);
  co_await b.close();
  co_await sink.close();
}

awaitable<void> run_into(Bench& b, std::string url, bool& ended) {
  struct End {
    bool& ended;
    ~End() { ended = true; }
  } const end{ended};
  co_await b.get(std::move(url));
}

CO_TEST(HttpProbe, HC_12_cancelling_a_run_closes_its_connection) {
  Bench b(loop);
  http::test::Sink sink(loop.executor(), [](const SinkRequest&) { return SinkReply{"", SinkReply::Then::hang}; });
  sink.start();
  bool ended = false;
  async::TaskScope scope(loop.executor(), [](std::string_view, std::exception_ptr) { ADD_FAILURE(); });
  scope.spawn("run", run_into(b, sink.url(), ended));
  co_await sink.wait_for_requests(1);
  EXPECT_FALSE(ended);
  co_await scope.stop();
  EXPECT_TRUE(ended);
  co_await sink.wait_for_closed(1);
  co_await b.close();
  co_await sink.close();
}

CO_TEST(HttpProbe, HC_12_a_strategy_or_collector_nobody_knows_is_an_unhealthy_run) {
  Bench b(loop);
  auto configuration = std::make_shared<Configuration>();
  configuration->strategy_id = "gone.gone";
  auto outcome = co_await b.registry.run(configuration);
  EXPECT_EQ(outcome.status, RunStatus::unhealthy);
  EXPECT_EQ(outcome.message, "there is no strategy \"gone.gone\"");
  auto entry = Bench::request(R"({"url":"http://127.0.0.1:1"})");
  entry.collector_id = Text<1, 200>::of("gone.collector");
  outcome = co_await b.run({entry});
  EXPECT_EQ(outcome.message, "there is no collector \"gone.collector\"");
  outcome = co_await b.run({});
  EXPECT_EQ(outcome.status, RunStatus::unhealthy);
  co_await b.close();
}

CO_TEST(HttpProbe, configs_are_judged_when_they_are_written) {
  Bench b(loop);
  const std::string good = R"({"url":"https://example.com/","headers":[{"name":"Authorization","value":"Bearer x"}]})";
  EXPECT_TRUE(b.judge("{}", good));
  EXPECT_TRUE(b.judge(R"({"timeout":300000})", good));
  const std::pair<std::string, std::optional<std::string>> bad[] = {{"{}", std::nullopt},
                                                                    {R"({"timeout":99})", good},
                                                                    {R"({"timeout":300001})", good},
                                                                    {R"({"timeout":"1"})", good},
                                                                    {"{}", "{}"},
                                                                    {"{}", R"({"url":"ftp://x/"})"},
                                                                    {"{}", R"({"url":"http://a/","method":"TRACE"})"},
                                                                    {"{}", R"({"url":"http://a/","timeout":1})"},
                                                                    {"{}", R"({"url":"http://a/","headers":[{"name":"a b","value":""}]})"},
                                                                    {"{}", R"({"url":"http://a/","headers":[{"name":"Content-Length","value":"1"}]})"},
                                                                    {"{}", R"({"url":"http://a/","headers":[{"name":"X","value":"a\r\nY: b"}]})"}};
  for (const auto& [config, collector] : bad) {
    const auto judged = b.judge(config, collector);
    EXPECT_FALSE(judged) << config << collector.value_or("none");
    if (!judged) {
      EXPECT_EQ(judged.error().code, ErrorCode::bad_request);
    }
  }
  EXPECT_NE(b.judge("{}", R"({"url":1})").error().data->json.find("\"path\":[\"collectors\",0,\"config\",\"url\"]"), std::string::npos);
  co_await b.close();
}

TEST(HttpProbeSchema, comes_from_the_types) {
  async::Loop loop;
  SystemClock clock;
  async::TimerWheel wheel(loop.executor(), clock);
  net::Resolver resolver(loop.executor(), wheel, {});
  const net::Egress egress({});
  http::Client client(loop, wheel, resolver, egress, {});
  const auto strategy = make_http(client);
  const auto& info = strategy->info();
  EXPECT_EQ(info.id, "healthcheck-http.http");
  EXPECT_EQ(info.category, "networking");
  const auto config = json::parse(info.collectors.at(0).config_schema);
  EXPECT_EQ(config.at("required"), json::parse(R"(["url"])"));
  EXPECT_EQ(config.at("properties").at("url").at("format"), "uri");
  EXPECT_EQ(config.at("properties").at("method").at("default"), "GET");
  EXPECT_EQ(config.at("properties").at("method").at("enum"), json::parse(R"(["GET","POST","PUT","DELETE","HEAD"])"));
  EXPECT_EQ(config.at("properties").at("timeout").at("maximum"), 300'000);
  const auto result = json::parse(info.collectors.at(0).result_schema);
  EXPECT_EQ(result.at("properties").at("body").at("x-jsonpath"), true);
  EXPECT_EQ(result.at("properties").at("responseTimeMs").at("x-chart-unit"), "ms");
  resolver.close();
}

}  // namespace
}  // namespace watchbell::healthcheck::probes
