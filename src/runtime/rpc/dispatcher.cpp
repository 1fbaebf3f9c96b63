#include "runtime/rpc/dispatcher.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <set>

#include "runtime/rpc/admission.hpp"
#include "runtime/rpc/etag.hpp"
#include "runtime/rpc/openapi.hpp"
#include "runtime/rpc/rest.hpp"

namespace watchbell::rpc {
namespace {

constexpr std::string_view kJson = "application/json";

std::string_view strip_slashes(std::string_view path) {
  while (path.starts_with('/')) path.remove_prefix(1);
  while (path.ends_with('/')) path.remove_suffix(1);
  return path;
}

bool is_json(std::string_view content_type) {
  if (content_type == kJson) return true;
  const auto type = trim(content_type.substr(0, content_type.find(';')));
  return type.empty() || ascii_lower(type) == kJson;
}

/// What may be asked of a procedure, for the header Allow. Over RPC every procedure takes POST and the verb it is declared with, a query GET too.
std::string allowed_methods(const Procedure& procedure, Wire wire) {
  const std::string_view declared = rest_method(procedure);
  if (wire == Wire::rest) return declared == "GET" ? "GET, HEAD" : std::string(declared);
  if (procedure.kind() == Kind::query) return "GET, HEAD, POST";
  return declared == "POST" ? "POST" : "POST, " + std::string(declared);
}

bool allows(const Procedure& procedure, Wire wire, std::string_view method) {
  if (wire == Wire::rpc && method == "POST") return true;
  const std::string_view declared = rest_method(procedure);
  if (method == "GET" || method == "HEAD") return wire == Wire::rest ? declared == "GET" : procedure.kind() == Kind::query;
  return method == declared;
}

/// A JSON object with a member before its own, of which the last of a name counts; what is no object is left as it is.
std::string with_member(std::string_view object, std::string_view name, std::string_view value) {
  if (object.starts_with("\xef\xbb\xbf")) object.remove_prefix(3);
  object = trim(object);
  if (!object.starts_with('{')) return std::string(object);
  std::string out = "{";
  append_json_string(out, name);
  out += ':';
  append_json_string(out, value);
  const auto rest = trim(object.substr(1));
  if (!rest.starts_with('}')) out += ',';
  out += rest;
  return out;
}

/// The input of a REST call as plain JSON text; a view of the request, or of `made`.
Result<std::string_view> rest_input(const CallRequest& request, const Procedure& procedure, std::string& made) {
  const SchemaPtr input = procedure.input();
  if (request.method == "GET" || request.method == "HEAD") {
    if (input->kind == Schema::Kind::none) return made;
    auto json = query_to_json(request.query, *input);
    if (!json) return std::unexpected(std::move(json.error()));
    made = std::move(*json);
    // No parameters are no members, which is not the same as no input.
    if (made.empty() && !procedure.input_optional()) made = "{}";
    return made;
  }
  constexpr std::string_view kKey = "idempotencyKey";
  if (request.idempotency_key.empty() || input->kind != Schema::Kind::object) return request.body;
  if (std::ranges::none_of(input->members, [&](const Schema::Member& member) { return member.name == kKey; })) return request.body;
  made = with_member(request.body, kKey, request.idempotency_key);
  return made;
}

class Context final : public CallContext {
 public:
  Context(const CallRequest& request, std::string_view body, const Procedure& procedure, access::Identity& identity, access::ObjectAccess& objects,
          async::BlockingPool& pool, limits::RateLimiter* limiter)
      : request_(request), body_(body), procedure_(procedure), pool_(pool), limiter_(limiter), admission_(procedure, identity, objects) {
    caller_.correlation_id = request_.correlation_id;
    caller_.address = request_.address;
    caller_.user_agent = request_.user_agent;
    caller_.forwarded = request_.forwarded;
  }

  std::string_view body() const override { return body_; }
  bool plain() const override { return request_.wire == Wire::rest; }
  async::BlockingPool& pool() override { return pool_; }
  const Caller& caller() const override { return caller_; }

  awaitable<Result<void>> authenticate() override {
    if (limiter_ != nullptr && procedure_.options().tries_secrets)
      if (auto let = limiter_->sign_in(request_.address, std::bit_cast<std::uintptr_t>(&procedure_), request_.began); !let) co_return let;
    auto principal = co_await admission_.authenticate(request_.credentials);
    if (!principal) co_return std::unexpected(std::move(principal.error()));
    caller_.principal = std::move(*principal);
    if (limiter_ != nullptr) co_return limiter_->principal(*caller_.principal, request_.began);
    co_return Result<void>();
  }
  Result<void> authorize() override { return admission_.authorize(*caller_.principal); }
  bool judges_objects() const override { return admission_.judges_objects(); }
  bool admit_now() override {
    if (procedure_.options().tries_secrets) return false;
    caller_.principal = admission_.authenticate_now(request_.credentials);
    return caller_.principal != nullptr && admission_.authorize(*caller_.principal) && admission_.authorize_objects_now(caller_);
  }
  bool count_now() override { return limiter_ == nullptr || limiter_->takes_principal(*caller_.principal, request_.began); }
  awaitable<Result<void>> authorize_objects(Named named) override { return admission_.authorize_objects(caller_, std::move(named)); }

 private:
  const CallRequest& request_;
  std::string_view body_;
  const Procedure& procedure_;
  async::BlockingPool& pool_;
  limits::RateLimiter* limiter_;
  Admission admission_;
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

CallAnswer refusal(const Error& error, Wire wire, std::string_view accept) {
  CallAnswer answer;
  answer.status = http_status(error.code);
  answer.retry_after = error.retry_after;
  if (wire == Wire::rpc) {
    answer.body = error_envelope(error);
  } else if (accepts_problem(accept)) {
    answer.body = problem_details(error);
    answer.content_type = kProblemType;
  } else {
    answer.body = rest_error(error);
  }
  return answer;
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
  std::vector<std::string> types;
  for (const auto& area : areas_) types.insert(types.end(), area.object_types().begin(), area.object_types().end());
  for (const auto& area : areas_) {
    std::vector<std::string> own_rules;
    for (const auto& rule : area.rules()) own_rules.push_back(rule.id);
    for (const auto& procedure : area.procedures())
      if (auto checked = check_requirement(*procedure, own_rules, types); !checked)
        return fail(ErrorCode::internal, "procedure {}.{} {}", area.name(), procedure->name(), checked.error().message);
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
  const auto refuse = [&](Error error) { return refusal(error, request.wire, request.accept); };
  if (!allows(*procedure, request.wire, request.method)) {
    auto answer = refuse({.code = ErrorCode::method_not_supported, .message = "Method Not Supported"});
    answer.allow = allowed_methods(*procedure, request.wire);
    co_return answer;
  }
  const bool get = request.method == "GET" || request.method == "HEAD";
  if (!get && !request.body.empty() && !is_json(request.content_type))
    co_return refuse({.code = ErrorCode::unsupported_media_type, .message = "The request body must be application/json"});
  std::string made;
  std::string_view body = request.body;
  if (request.wire == Wire::rest) {
    auto input = rest_input(request, *procedure, made);
    if (!input) co_return refuse(std::move(input.error()));
    body = *input;
  } else if (get) {
    made = query_parameter(request.query, "data").value_or(std::string());
    body = made;
  }
  Context context(request, body, *procedure, identity_, objects_, pool_, limiter_);
  Reply reply = co_await procedure->call(context);
  CallAnswer answer;
  if (reply)
    answer.body = std::move(*reply);
  else
    answer = refuse(std::move(reply.error()));
  answer.caller = context.caller().principal;
  if (!reply) co_return answer;
  // Only what the cache keeps can be asked for again without change; a POST pays nothing for it.
  if (const auto* kept = std::get_if<std::shared_ptr<const std::string>>(&answer.body); get && kept != nullptr) {
    answer.etag = etag_of(**kept);
    if (names_etag(request.if_none_match, answer.etag)) {
      answer.status = 304;
      answer.body = std::string();
      co_return answer;
    }
  }
  if (request.wire == Wire::rest) {
    const auto* text = std::get_if<std::string>(&answer.body);
    std::string value(value_of_envelope(text != nullptr ? std::string_view(*text) : std::string_view(*std::get<1>(answer.body))));
    if (value.empty()) answer.content_type = {};
    answer.body = std::move(value);
  }
  co_return answer;
}

std::optional<CallAnswer> Dispatcher::call_now(const Procedure& procedure, const CallRequest& request) const {
  if (request.wire != Wire::rpc || request.method != "POST" || (!request.body.empty() && !is_json(request.content_type))) return std::nullopt;
  Context context(request, request.body, procedure, identity_, objects_, pool_, limiter_);
  auto body = procedure.call_now(context);
  if (!body) return std::nullopt;
  CallAnswer answer;
  answer.body = std::move(*body);
  answer.caller = context.caller().principal;
  return answer;
}

std::string contract_typescript(const std::vector<Area>& areas, const std::vector<SignalType>& signals) {
  std::string out =
      "// Written by `watchbell contract typescript`. Do not edit.\n"
      "export interface Procedure<I, O> { input: I; output: O }\n\n"
      "export interface Contract {\n";
  for (const auto& area : areas) {
    if (area.procedures().empty()) continue;
    out += "  " + area.name() + ": {\n";
    for (const auto& procedure : area.procedures()) {
      if (!is_documented(*procedure)) continue;
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
