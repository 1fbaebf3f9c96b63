#include "runtime/rpc/dispatcher.hpp"

#include <algorithm>
#include <set>

namespace watchbell::rpc {
namespace {

constexpr std::string_view kJson = "application/json";

std::string_view strip_slashes(std::string_view path) {
  while (path.starts_with('/')) path.remove_prefix(1);
  while (path.ends_with('/')) path.remove_suffix(1);
  return path;
}

bool is_json(std::string_view content_type) {
  const auto type = trim(content_type.substr(0, content_type.find(';')));
  return type.empty() || ascii_lower(type) == kJson;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string percent_decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      out += ' ';
    } else if (text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0) {
      out += static_cast<char>(hex_digit(text[i + 1]) << 4 | hex_digit(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

CallAnswer refused(Error error) {
  CallAnswer answer;
  answer.status = http_status(error.code);
  answer.retry_after = error.retry_after;
  answer.body = error_envelope(error);
  return answer;
}

class Context final : public CallContext {
 public:
  Context(const CallRequest& request, std::string_view body, const Procedure& procedure, access::Identity& identity, async::BlockingPool& pool)
      : request_(request), body_(body), procedure_(procedure), identity_(identity), pool_(pool) {}

  std::string_view body() const override { return body_; }
  async::BlockingPool& pool() override { return pool_; }
  const Caller& caller() const override { return caller_; }

  awaitable<Result<void>> admit() override {
    caller_.correlation_id = request_.correlation_id;
    caller_.address = request_.address;
    caller_.user_agent = request_.user_agent;
    caller_.forwarded = request_.forwarded;
    if (procedure_.access().type == access::UserType::anonymous) {
      caller_.principal = access::Principal::nobody();
      co_return Result<void>();
    }
    auto principal = co_await identity_.identify(request_.credentials);
    if (!principal) co_return std::unexpected(std::move(principal.error()));
    caller_.principal = std::move(*principal);
    static const access::RuleSet none;
    if (procedure_.access().type != access::UserType::public_) co_return access::authorize(procedure_.access(), *caller_.principal, none);
    auto visitors = co_await identity_.anonymous_rules();
    if (!visitors) co_return std::unexpected(std::move(visitors.error()));
    co_return access::authorize(procedure_.access(), *caller_.principal, **visitors);
  }

 private:
  const CallRequest& request_;
  std::string_view body_;
  const Procedure& procedure_;
  access::Identity& identity_;
  async::BlockingPool& pool_;
  Caller caller_;
};

}  // namespace

std::string error_envelope(const Error& error) {
  std::string out = "{\"json\":{\"defined\":false,\"code\":\"";
  out += wire_code(error.code);
  out += "\",\"status\":";
  out += std::to_string(http_status(error.code));
  out += ",\"message\":";
  append_json_string(out, error.message);
  std::string meta;
  if (error.data != nullptr) {
    out += ",\"data\":";
    out += error.data->json;
    // Paths are relative to the data: "data" becomes their first step.
    std::string_view entries = error.data->meta;
    bool in_string = false;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const char c = entries[i];
      meta += c;
      if (in_string && c == '\\') {
        meta += entries[++i];  // an escape is two characters
        continue;
      }
      if (c == '"') in_string = !in_string;
      if (!in_string && c == '[') {
        // "[code" is followed by its path or by "]".
        while (i + 1 < entries.size() && entries[i + 1] >= '0' && entries[i + 1] <= '9') meta += entries[++i];
        meta += ",\"data\"";
      }
    }
  }
  out += '}';
  if (!meta.empty()) out += ",\"meta\":[" + meta + "]";
  out += '}';
  return out;
}

std::optional<std::string> query_parameter(std::string_view query, std::string_view name) {
  std::optional<std::string> found;
  while (!query.empty()) {
    const auto end = query.find('&');
    const auto pair = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
    const auto equals = pair.find('=');
    if (percent_decode(pair.substr(0, equals)) == name) found = equals == std::string_view::npos ? std::string() : percent_decode(pair.substr(equals + 1));
  }
  return found;
}

Result<void> Dispatcher::mount(Area area) {
  for (const auto& procedure : area.procedures()) {
    const auto [it, added] = procedures_.emplace(procedure->area() + "/" + procedure->name(), procedure);
    if (!added) return fail(ErrorCode::internal, "procedure {} is mounted twice", it->first);
  }
  areas_.push_back(std::move(area));
  return {};
}

Result<void> Dispatcher::check() const {
  std::set<std::string, std::less<>> declared;
  for (const auto& area : areas_)
    for (const auto& rule : area.rules())
      if (!declared.insert(rule.id).second) return fail(ErrorCode::internal, "access rule {} is declared twice", rule.id);
  for (const auto& area : areas_) {
    for (const auto& procedure : area.procedures()) {
      auto needed = procedure->access().rules;
      if (!procedure->access().or_rule.empty()) needed.push_back(procedure->access().or_rule);
      for (const auto& rule : needed)
        if (!declared.contains(rule)) return fail(ErrorCode::internal, "procedure {}.{} needs the undeclared rule {}", area.name(), procedure->name(), rule);
    }
  }
  return {};
}

const Procedure* Dispatcher::find(std::string_view path) const {
  const auto it = procedures_.find(strip_slashes(path));
  return it == procedures_.end() ? nullptr : it->second.get();
}

awaitable<CallAnswer> Dispatcher::call(CallRequest request) const {
  const Procedure* procedure = find(request.path);
  if (procedure == nullptr) {
    CallAnswer answer;
    answer.status = 404;
    answer.body = std::string(R"({"error":"Not Found"})");
    co_return answer;
  }
  const bool get = request.method == "GET" || request.method == "HEAD";
  if (request.method != "POST" && !(get && procedure->kind() == Kind::query)) {
    auto answer = refused({.code = ErrorCode::method_not_supported, .message = "Method Not Supported"});
    answer.allow = procedure->kind() == Kind::query ? "GET, HEAD, POST" : "POST";
    co_return answer;
  }
  std::string data;
  std::string_view body = request.body;
  if (get) {
    data = query_parameter(request.query, "data").value_or(std::string());
    body = data;
  } else if (!body.empty() && !is_json(request.content_type)) {
    co_return refused({.code = ErrorCode::unsupported_media_type, .message = "The request body must be application/json"});
  }
  Context context(request, body, *procedure, identity_, pool_);
  Reply reply = co_await procedure->call(context);
  CallAnswer answer;
  if (reply) answer.body = std::move(*reply);
  else answer = refused(std::move(reply.error()));
  if (context.caller().principal != nullptr && context.caller().principal->kind != access::Principal::Kind::none)
    answer.user_id = context.caller().principal->id.to_string();
  co_return answer;
}

std::string contract_typescript(const std::vector<Area>& areas, const std::vector<SignalType>& signals) {
  std::string out =
      "// Written by `watchbell contract typescript`. Do not edit.\n"
      "export interface Procedure<I, O> { input: I; output: O }\n\n"
      "export interface Contract {\n";
  for (const auto& area : areas) {
    out += "  " + area.name() + ": {\n";
    for (const auto& procedure : area.procedures()) {
      if (procedure->access().type == access::UserType::service && procedure->access().or_rule.empty()) continue;
      out += "    " + procedure->name() + ": Procedure<" + to_typescript(*procedure->input(), Direction::input) +
             (procedure->input_optional() && procedure->input()->kind != Schema::Kind::none ? " | undefined, " : ", ") +
             to_typescript(*procedure->output(), Direction::output) + ">;\n";
    }
    out += "  };\n";
  }
  out += "}\n\nexport interface Signals {\n";
  for (const auto& signal : signals) out += "  \"" + signal.id + "\": " + to_typescript(*signal.payload, Direction::output) + ";\n";
  out += "}\n\nexport type AccessRule =\n";
  std::string rules;
  for (const auto& area : areas)
    for (const auto& rule : area.rules()) rules += "  | \"" + rule.id + "\"\n";
  out += rules.empty() ? "  never;\n" : rules + "  ;\n";
  return out;
}

}  // namespace watchbell::rpc
