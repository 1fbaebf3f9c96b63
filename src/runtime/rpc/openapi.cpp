#include "runtime/rpc/openapi.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "runtime/rpc/rest.hpp"
#include "runtime/rpc/writer.hpp"

namespace watchbell::rpc {
namespace {

std::string quoted(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

std::string_view user_type(access::UserType type) {
  switch (type) {
    case access::UserType::anonymous:
      return "anonymous";
    case access::UserType::public_:
      return "public";
    case access::UserType::authenticated:
      return "authenticated";
    case access::UserType::user:
      return "user";
    case access::UserType::service:
      return "service";
  }
  return "service";
}

/// Any one of the listed ways is enough; `{}` is to come without.
std::string_view security(access::UserType type) {
  switch (type) {
    case access::UserType::anonymous:
      return "[]";
    case access::UserType::public_:
      return R"([{},{"session":[]},{"apiKey":[]}])";
    case access::UserType::user:
      return R"([{"session":[]}])";
    case access::UserType::authenticated:
    case access::UserType::service:
      return R"([{"session":[]},{"apiKey":[]}])";
  }
  return "[]";
}

void append_parameter(std::string& out, const Schema::Member& member) {
  if (!out.empty()) out += ',';
  out += "{\"name\":" + quoted(member.name) + ",\"in\":\"query\"";
  if (member.required) out += ",\"required\":true";
  if (!member.help.empty()) out += ",\"description\":" + quoted(member.help);
  // `filter[name]=x`; lists by repeating the name, which is what OpenAPI takes for granted.
  if (member.schema->kind == Schema::Kind::object || member.schema->kind == Schema::Kind::record) out += ",\"style\":\"deepObject\",\"explode\":true";
  out += ",\"schema\":" + to_contract_schema(*member.schema, Direction::input) + "}";
}

void append_input(std::string& out, const Procedure& procedure, std::string_view method) {
  const SchemaPtr input = procedure.input();
  if (input->kind == Schema::Kind::none) return;
  std::string parameters;
  const bool get = method == "GET";
  const bool object = input->kind == Schema::Kind::object;
  if (get) {
    for (const auto& member : query_object(*input)->members) append_parameter(parameters, member);
  } else if (object && std::ranges::any_of(input->members, [](const Schema::Member& member) { return member.name == "idempotencyKey"; })) {
    parameters = R"({"name":"Idempotency-Key","in":"header","description":"Stands for the member idempotencyKey","schema":{"type":"string"}})";
  }
  if (!parameters.empty()) out += ",\"parameters\":[" + parameters + "]";
  if (get) return;
  out += std::string(",\"requestBody\":{\"required\":") + (procedure.input_optional() ? "false" : "true") +
         ",\"content\":{\"application/json\":{\"schema\":" + to_contract_schema(*input, Direction::input) + "}}}";
}

void append_responses(std::string& out, const Procedure& procedure) {
  const auto failure = [&out](std::string_view status, std::string_view name) {
    out += ",\"" + std::string(status) + "\":{\"$ref\":\"#/components/responses/" + std::string(name) + "\"}";
  };
  const SchemaPtr output = procedure.output();
  if (output->kind == Schema::Kind::none)
    out += R"("200":{"description":"Done"})";
  else
    out += R"("200":{"description":"The answer","content":{"application/json":{"schema":)" + to_contract_schema(*output, Direction::output) + "}}}";
  if (procedure.input()->kind != Schema::Kind::none) failure("400", "InvalidInput");
  if (procedure.access().type != access::UserType::anonymous) {
    failure("401", "Unauthorized");
    failure("403", "Forbidden");
  }
  failure("429", "TooManyRequests");
  failure("default", "Failure");
}

std::string meta(const access::Requirement& access) {
  std::string rules;
  const auto add = [&rules](const std::string& rule) { rules += (rules.empty() ? "" : ",") + quoted(rule); };
  for (const auto& rule : access.rules) add(rule);
  if (!access.or_rule.empty()) add(access.or_rule);
  return "{\"userType\":\"" + std::string(user_type(access.type)) + "\",\"accessRules\":[" + rules + "]}";
}

void append_operation(std::string& out, const Procedure& procedure) {
  const std::string_view method = rest_method(procedure);
  out += quoted("/rest/" + procedure.area() + "/" + procedure.name()) + ":{\"" + ascii_lower(method) +
         "\":{\"operationId\":" + quoted(procedure.area() + "." + procedure.name()) + ",\"tags\":[" + quoted(procedure.area()) + "]";
  append_input(out, procedure, method);
  out += ",\"responses\":{";
  append_responses(out, procedure);
  out += "},\"security\":" + std::string(security(procedure.access().type)) + ",\"x-orpc-meta\":" + meta(procedure.access()) + "}}";
}

std::string failure_response(std::string_view name, std::string_view description, std::string_view schema) {
  const std::string content(schema);
  return "\"" + std::string(name) + "\":{\"description\":\"" + std::string(description) +
         "\",\"content\":{\"application/json\":{\"schema\":{\"$ref\":\"#/components/schemas/" + content +
         "\"}},\"application/problem+json\":{\"schema\":{\"$ref\":\"#/components/schemas/Problem\"}}}}";
}

std::string components(bool https) {
  std::string out = R"({"securitySchemes":{"session":{"type":"apiKey","in":"cookie","name":")";
  out += https ? "__Secure-" : "";
  out +=
      R"(better-auth.session_token","description":"The cookie of a person who signed in"},)"
      R"("apiKey":{"type":"http","scheme":"bearer","description":"The key of an application"}},"schemas":{)"
      R"("Error":{"type":"object","required":["defined","code","status","message"],"properties":{"defined":{"type":"boolean"},"code":{"type":"string","examples":["NOT_FOUND"]},)"
      R"("status":{"type":"integer","minimum":400,"maximum":599},"message":{"type":"string"},"data":{}}},)"
      R"("Issue":{"type":"object","required":["code","path","message"],"properties":{"code":{"type":"string","examples":["too_small"]},)"
      R"("path":{"type":"array","items":{"type":["string","integer"]}},"message":{"type":"string"}}},)"
      R"("InvalidInput":{"allOf":[{"$ref":"#/components/schemas/Error"},{"type":"object","properties":{"data":{"type":"object",)"
      R"("properties":{"issues":{"type":"array","maxItems":100,"items":{"$ref":"#/components/schemas/Issue"}}}}}}]},)"
      R"("Problem":{"type":"object","description":"Problem details (RFC 9457), for requests that accept application/problem+json","required":["type","title","status","detail","code"],)"
      R"("properties":{"type":{"type":"string","format":"uri-reference"},"title":{"type":"string"},"status":{"type":"integer","minimum":400,"maximum":599},)"
      R"("detail":{"type":"string"},"code":{"type":"string"},"data":{}}}},"responses":{)";
  out += failure_response("InvalidInput", "The input is not what the schema says", "InvalidInput") + ",";
  out += failure_response("Unauthorized", "Nobody, or a key that opens nothing", "Error") + ",";
  out += failure_response("Forbidden", "The caller may not do this", "Error") + ",";
  out += failure_response("TooManyRequests", "Too many requests; Retry-After says when to come again", "Error") + ",";
  out += failure_response("Failure", "Any other failure", "Error");
  return out + "}}";
}

}  // namespace

bool is_documented(const Procedure& procedure) noexcept { return procedure.access().type != access::UserType::service || !procedure.access().or_rule.empty(); }

std::string openapi(const std::vector<Area>& areas, std::string_view server, const std::function<bool(const Procedure&)>& shown) {
  std::string paths;
  for (const auto& area : areas) {
    for (const auto& procedure : area.procedures()) {
      if (!is_documented(*procedure) || (shown && !shown(*procedure))) continue;
      if (!paths.empty()) paths += ',';
      append_operation(paths, *procedure);
    }
  }
  return R"({"openapi":"3.1.1","info":{"title":"Watchbell","version":"1.0.0"},"servers":[{"url":)" + quoted(server) + "}],\"paths\":{" + paths +
         "},\"components\":" + components(server.starts_with("https://")) + "}";
}

}  // namespace watchbell::rpc
