#include <fmt/ranges.h>

#include <fstream>
#include <map>
#include <set>

#include "app/server.hpp"
#include "runtime/rpc/dispatcher.hpp"
#include "tests/support/co_test.hpp"

namespace watchbell {
namespace {

constexpr const char* kTable = WATCHBELL_ROOT "/tests/access/decided.txt";

/// The caller of the moment.
class OneCaller final : public access::Identity {
 public:
  awaitable<Result<access::PrincipalPtr>> identify(access::Credentials) override { co_return caller; }
  awaitable<Result<access::RuleSetPtr>> anonymous_rules() override { co_return std::make_shared<const access::RuleSet>(); }
  access::PrincipalPtr caller = access::Principal::nobody();
};

access::PrincipalPtr principal(access::Principal::Kind kind, std::vector<std::string> rules) {
  access::Principal made;
  made.kind = kind;
  made.id = Uuid::parse("01000000-0000-7000-8000-000000000001").value();
  made.rules = std::make_shared<const access::RuleSet>(std::move(rules));
  return std::make_shared<const access::Principal>(std::move(made));
}

/// The callers of the table: a visitor, a user without rules, one with exactly the rules of the procedure, one who holds only the manage rules of the same
/// resources, an application with the rules, and a service.
std::vector<access::PrincipalPtr> callers_of(const access::Requirement& requirement) {
  using Kind = access::Principal::Kind;
  auto rules = requirement.rules;
  if (!requirement.or_rule.empty()) rules.push_back(requirement.or_rule);
  std::vector<std::string> manage;
  for (const auto& rule : rules) manage.push_back(rule.substr(0, rule.rfind('.')) + ".manage");
  return {access::Principal::nobody(),   principal(Kind::user, {}),           principal(Kind::user, rules),
          principal(Kind::user, manage), principal(Kind::application, rules), access::Principal::service("other")};
}

std::string type_of(access::UserType type) {
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
  return "?";
}

std::string objects_of(const access::Requirement& requirement) {
  using Mode = access::Scope::Mode;
  const auto& scope = requirement.scope;
  const std::string under = scope.type.empty() ? "" : "," + scope.type + "." + scope.action;
  std::string text = [&]() -> std::string {
    switch (scope.mode) {
      case Mode::undeclared:
        return "-";
      case Mode::global:
        return "global";
      case Mode::id:
        return "of(" + scope.member + under + ")";
      case Mode::list:
        return "each(" + scope.member + under + ")";
      case Mode::record:
        return "each_key(" + scope.member + under + ")";
      case Mode::bulk:
        return "many(" + scope.member + ")";
      case Mode::create:
        return "creates(" + scope.member + under + ")";
      case Mode::type_scoped:
        return "on_type";
      case Mode::object_ref:
        return "referring(" + scope.type_member + "," + scope.member + ")";
    }
    return "?";
  }();
  if (!requirement.shown.empty()) text += "+shows(" + requirement.shown + ")";
  return text;
}

std::string rules_of(const access::Requirement& requirement) {
  std::string text = fmt::format("{}", fmt::join(requirement.rules, "&"));
  if (!requirement.or_rule.empty()) text += (text.empty() ? "or:" : "|or:") + requirement.or_rule;
  if (!requirement.services.empty()) text += fmt::format("|from:{}", fmt::join(requirement.services, ","));
  return text.empty() ? "-" : text;
}

/// The decided rows by procedure, blanks made one.
std::map<std::string, std::string> decided() {
  std::map<std::string, std::string> rows;
  std::ifstream in(kTable);
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line.front() == '#') continue;
    std::stringstream words(line);
    std::string row;
    std::string name;
    for (std::string word; words >> word;) {
      if (name.empty()) name = word;
      row += (row.empty() ? "" : " ") + word;
    }
    EXPECT_TRUE(rows.emplace(name, row).second) << name << " is decided twice";
  }
  return rows;
}

CO_TEST(Decided, AUTHCHECK_02_every_procedure_has_a_decided_answer_for_every_kind_of_caller) {
  auto server = app::Server::open_in_memory(loop);
  CO_ASSERT_TRUE(server);
  OneCaller identity;
  async::BlockingPool pool({.name = "decode", .threads = 1});
  rpc::Dispatcher dispatcher(identity, pool);
  for (const auto& area : (*server)->areas()) EXPECT_TRUE(dispatcher.mount(area));
  EXPECT_TRUE(dispatcher.check());

  const auto rows = decided();
  std::set<std::string> mounted;
  std::string missing;
  for (const auto& area : dispatcher.areas()) {
    for (const auto& procedure : area.procedures()) {
      const auto& requirement = procedure->access();
      const std::string name = area.name() + "." + procedure->name();
      const std::string path = area.name() + "/" + procedure->name();
      mounted.insert(name);
      std::string row = name + " " + type_of(requirement.type) + " " + rules_of(requirement) + " " + objects_of(requirement);
      for (const auto& caller : callers_of(requirement)) {
        identity.caller = caller;
        // No input is right for all; where one is asked for, whoever is let in is told so.
        const auto answer = co_await dispatcher.call({.method = "POST", .path = path, .body = R"({"json":{}})"});
        EXPECT_LT(answer.status, 500) << name;
        row += answer.status == 401 || answer.status == 403 ? " " + std::to_string(answer.status) : " pass";
      }
      const auto it = rows.find(name);
      if (it == rows.end())
        missing += row + "\n";
      else
        EXPECT_EQ(row, it->second);
    }
  }
  EXPECT_EQ(missing, "") << "These have no decided row. Judge each cell, then add the row to " << kTable;
  for (const auto& [name, row] : rows) EXPECT_TRUE(mounted.contains(name)) << name << " is decided and not mounted";
  co_await (*server)->stop();
}

}  // namespace
}  // namespace watchbell
