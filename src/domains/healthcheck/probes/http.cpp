#include "domains/healthcheck/probes/http.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.hpp"
#include "platform/http_client/client.hpp"

namespace watchbell::healthcheck::probes {

struct HttpConfig {
  Integer<100, 300'000> timeout = 30'000;
  static std::vector<rpc::Hint> hints() {
    return {{.member = "timeout", .label = "Timeout", .help = "Milliseconds a whole run may take", .extra = {}}};
  }
};
BOOST_DESCRIBE_STRUCT(HttpConfig, (), (timeout))

enum class Method { GET, POST, PUT, DELETE, HEAD };
BOOST_DESCRIBE_ENUM(Method, GET, POST, PUT, DELETE, HEAD)

struct Header {
  Text<1, 200> name;
  Text<0, 8192> value;
};
BOOST_DESCRIBE_STRUCT(Header, (), (name, value))

struct RequestConfig {
  Url url;
  Method method = Method::GET;
  std::optional<List<Header, 0, 50>> headers;
  std::optional<Text<0, 32'768>> body;
  Integer<100, 300'000> timeout = 30'000;
  bool verify_tls = true;
  static std::vector<rpc::Hint> hints() {
    return {{.member = "url", .label = "URL", .help = {}, .extra = {}},
            {.member = "timeout", .label = "Timeout", .help = "Milliseconds until the last byte of the answer", .extra = {}},
            {.member = "verify_tls", .label = "Verify certificate", .help = {}, .extra = {}}};
  }
};
BOOST_DESCRIBE_STRUCT(RequestConfig, (), (url, method, headers, body, timeout, verify_tls))

struct RequestResult {
  std::int64_t status_code = 0;
  std::string status_text;
  std::int64_t response_time_ms = 0;
  std::string body;
  std::int64_t body_length = 0;
  bool success = false;
  static std::vector<rpc::Hint> hints() {
    return {{.member = "status_code", .label = "Status code", .help = {}, .extra = {{"x-chart-type", "\"counter\""}}},
            {.member = "status_text", .label = "Status text", .help = {}, .extra = {{"x-chart-type", "\"text\""}}},
            {.member = "response_time_ms", .label = "Response time", .help = {}, .extra = {{"x-chart-type", "\"line\""}, {"x-chart-unit", "\"ms\""}}},
            {.member = "body", .label = "Body", .help = {}, .extra = {{"x-jsonpath", "true"}}},
            {.member = "body_length", .label = "Body length", .help = {}, .extra = {{"x-chart-type", "\"counter\""}, {"x-chart-unit", "\"bytes\""}}},
            {.member = "success", .label = "Success", .help = {}, .extra = {{"x-chart-type", "\"boolean\""}}}};
  }
};
BOOST_DESCRIBE_STRUCT(RequestResult, (), (status_code, status_text, response_time_ms, body, body_length, success))

namespace {

constexpr std::string_view kRequest = "healthcheck-http.request";

bool is_token(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}
bool is_header_value(std::string_view value) {
  return std::ranges::none_of(value, [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; });
}
/// Those frame the message or manage the connection.
bool is_reserved(std::string_view lower_name) {
  constexpr std::array<std::string_view, 9> reserved{"connection", "content-length", "expect", "keep-alive", "proxy-connection",
                                                     "te", "trailer", "transfer-encoding", "upgrade"};
  return std::ranges::find(reserved, lower_name) != reserved.end();
}

/// Bytes that are no UTF-8 are read as ISO-8859-1, so that they can be shown and searched.
std::string as_utf8(std::string bytes) {
  if (is_utf8(bytes)) return bytes;
  std::string text;
  text.reserve(bytes.size() + bytes.size() / 2);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      text += c;
    } else {
      text += static_cast<char>(0xc0 | byte >> 6);
      text += static_cast<char>(0x80 | (byte & 0x3f));
    }
  }
  return text;
}

/// A header given twice keeps the last.
http::Headers headers_of(const RequestConfig& config) {
  http::Headers headers;
  if (!config.headers) return headers;
  for (const auto& header : *config.headers) {
    const std::string lower = ascii_lower(header.name);
    std::erase_if(headers, [&](const auto& other) { return ascii_lower(other.first) == lower; });
    headers.emplace_back(header.name.str(), header.value.str());
  }
  return headers;
}

class HttpClient final : public Client {
 public:
  HttpClient(http::Client& client, std::size_t max_body) : client_(client), max_body_(max_body) {}

  awaitable<Collected> collect(CollectorEntry entry) override {
    const auto config = rpc::from_json<RequestConfig>(entry.config.text);
    if (!config) co_return Collected{.result = {}, .error = "the stored request is not valid any more: " + config.error().message};
    http::ClientRequest request;
    request.method = rpc::enum_text(config->method);
    request.url = config->url.str();
    request.headers = headers_of(*config);
    if (config->body) request.body = config->body->str();
    request.total_timeout = std::chrono::milliseconds(config->timeout.value());
    request.connect_timeout = request.total_timeout;
    request.max_response_bytes = max_body_;
    request.truncate_large = true;
    request.policy = net::EgressPolicy::probe;
    request.verify_tls = config->verify_tls;
    // A kept connection would hide that nobody accepts new ones, and make every latency but the first flatter.
    request.fresh_connection = true;
    auto answer = co_await client_.send(std::move(request));
    if (!answer) co_return Collected{.result = {}, .error = std::move(answer.error().message)};

    boost::json::object result;
    result["statusCode"] = answer->status;
    std::string status_text = as_utf8(std::move(answer->status_text));
    std::erase(status_text, '\0');
    result["statusText"] = std::move(status_text);
    result["responseTimeMs"] = static_cast<std::int64_t>(std::llround(answer->timings.total_ms));
    result["bodyLength"] = static_cast<std::int64_t>(answer->body.size());
    result["success"] = answer->status >= 200 && answer->status <= 399;
    result["body"] = as_utf8(std::move(answer->body));
    co_return Collected{.result = std::move(result), .error = {}};
  }

  std::optional<std::string> demand(const CollectorEntry& entry, const boost::json::object& result) const override {
    if (entry.assertions)
      for (const auto& assertion : *entry.assertions)
        if (assertion.field.str() == "statusCode") return std::nullopt;
    if (result.at("success").as_bool()) return std::nullopt;
    return fmt::format("status {}, expected 200 to 399", result.at("statusCode").as_int64());
  }

 private:
  http::Client& client_;
  std::size_t max_body_;
};

class Http final : public Strategy {
 public:
  Http(http::Client& client, std::size_t max_body) : client_(client), max_body_(max_body) {
    info_ = {.id = "healthcheck-http.http",
             .display_name = "HTTP",
             .description = "Asks an HTTP or HTTPS address",
             .category = "networking",
             .config_schema = rpc::to_json_schema(*rpc::schema_of<HttpConfig>()),
             .needs_collector = true,
             .collectors = {{.id = std::string(kRequest),
                             .display_name = "HTTP request",
                             .description = "Sends one request and keeps what came back, for assertions on status, latency and body",
                             .config_schema = rpc::to_json_schema(*rpc::schema_of<RequestConfig>()),
                             .result_schema = rpc::to_json_schema(*rpc::schema_of<RequestResult>()),
                             .allow_multiple = true,
                             .ephemeral = {"body"}}}};
  }

  const StrategyInfo& info() const override { return info_; }

  void judge_config(const rpc::Input& config) const override {
    HttpConfig value;
    rpc::Codec<HttpConfig>::decode(config, value);
  }

  void judge_collector(std::string_view, const rpc::Input& config) const override {
    RequestConfig value;
    if (!rpc::Codec<RequestConfig>::decode(config, value) || !value.headers) return;
    const rpc::Path list{config.path, "headers"};
    for (std::size_t i = 0; i < value.headers->size(); ++i) {
      const auto& header = (*value.headers)[i];
      const rpc::Path step{&list, {}, i};
      const rpc::Path name{&step, "name"};
      const rpc::Path text{&step, "value"};
      if (!is_token(header.name)) config.issues->custom(&name, "Invalid header name");
      else if (is_reserved(ascii_lower(header.name))) config.issues->custom(&name, "This header is set by the connection itself");
      if (!is_header_value(header.value)) config.issues->custom(&text, "A header value must not hold control characters");
    }
  }

  std::chrono::milliseconds timeout(const ConfigJson& config) const override {
    const auto value = rpc::from_json<HttpConfig>(config.text);
    return std::chrono::milliseconds(value ? value->timeout.value() : HttpConfig().timeout.value());
  }

  awaitable<Result<std::unique_ptr<Client>>> connect(ConfigJson) override { co_return std::make_unique<HttpClient>(client_, max_body_); }

 private:
  http::Client& client_;
  std::size_t max_body_;
  StrategyInfo info_;
};

}  // namespace

std::unique_ptr<Strategy> make_http(http::Client& client, std::size_t max_body) { return std::make_unique<Http>(client, max_body); }

}  // namespace watchbell::healthcheck::probes
