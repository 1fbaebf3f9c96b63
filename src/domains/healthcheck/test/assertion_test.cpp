#include "domains/healthcheck/assertion.hpp"

#include <gtest/gtest.h>

#include <chrono>

#include <boost/json.hpp>

namespace watchbell::healthcheck {
namespace {
namespace json = boost::json;

const json::object& sample() {
  static const json::object result = json::parse(R"({"statusCode":200,"latency":12.5,"text":"Hello World","numeric":" 42 ","empty":"","blank":"  ",
    "nothing":null,"yes":true,"no":false,"list":["a",2,"c"],"none":[],"nested":{"a":{"b":7}},"items":[{"x":1},{"x":2},{"y":3}],
    "body":"{\"state\":\"ok\",\"data\":[{\"id\":5,\"tags\":[]}],\"n\":null}","broken":"{\"state\":"})")
                                       .as_object();
  return result;
}
Assertion assertion(std::string field, std::string op, std::optional<std::string> value = {}, std::optional<std::string> path = {}) {
  Assertion a;
  a.field = Text<1, 200>::of(std::move(field));
  a.operator_ = Text<1, 40>::of(std::move(op));
  if (value) a.value = Json<4096, 8, false>{.text = *value};
  if (path) a.json_path = Text<1, 500>::of(*path);
  return a;
}
bool holds(std::string field, std::string op, std::optional<std::string> value = {}, std::optional<std::string> path = {}) {
  return !failure_of(sample(), assertion(std::move(field), std::move(op), std::move(value), std::move(path)));
}

TEST(Assertion, operators_table) {
  struct Row {
    const char* field;
    const char* op;
    std::optional<std::string> value;
    bool holds;
  };
  const Row rows[] = {
      {"statusCode", "equals", "200", true},
      {"statusCode", "equals", "200.0", true},
      {"statusCode", "equals", "\"200\"", true},
      {"statusCode", "equals", "404", false},
      {"statusCode", "notEquals", "404", true},
      {"statusCode", "notEquals", "200", false},
      {"text", "equals", "\"Hello World\"", true},
      {"yes", "equals", "true", true},
      {"nothing", "equals", "null", true},
      {"absent", "equals", "null", false},
      {"absent", "notEquals", "1", true},
      {"latency", "lessThan", "13", true},
      {"latency", "lessThan", "12.5", false},
      {"latency", "lessThanOrEqual", "12.5", true},
      {"latency", "greaterThan", "12", true},
      {"latency", "greaterThanOrEqual", "\"12.5\"", true},
      {"numeric", "greaterThan", "41", true},
      // Nothing is not zero.
      {"nothing", "lessThan", "500", false},
      {"empty", "lessThan", "500", false},
      {"blank", "lessThan", "500", false},
      {"absent", "lessThan", "500", false},
      {"absent", "greaterThan", "-1", false},
      {"latency", "lessThan", "null", false},
      {"latency", "lessThan", "\"\"", false},
      {"latency", "lessThan", {}, false},
      {"text", "lessThan", "500", false},
      {"yes", "lessThan", "500", false},
      {"text", "contains", "\"lo W\"", true},
      {"text", "contains", "\"lo w\"", false},
      {"text", "startsWith", "\"Hello\"", true},
      {"text", "endsWith", "\"World\"", true},
      {"text", "endsWith", "\"Hello\"", false},
      {"statusCode", "startsWith", "\"2\"", true},
      {"nothing", "contains", "\"\"", false},
      {"text", "matches", "\"o W\"", true},
      {"text", "matches", "\"^World\"", false},
      {"text", "matches", "\"(\"", false},
      {"text", "matches", "\"(?i)hello\"", true},
      {"yes", "isTrue", {}, true},
      {"no", "isTrue", {}, false},
      {"no", "isFalse", {}, true},
      {"nothing", "isFalse", {}, false},
      {"absent", "isFalse", {}, false},
      {"statusCode", "isTrue", {}, false},
      {"statusCode", "exists", {}, true},
      {"nothing", "exists", {}, false},
      {"absent", "exists", {}, false},
      {"nothing", "notExists", {}, true},
      {"empty", "isEmpty", {}, true},
      {"blank", "isEmpty", {}, true},
      {"none", "isEmpty", {}, true},
      {"absent", "isEmpty", {}, true},
      {"list", "isEmpty", {}, false},
      {"statusCode", "isEmpty", {}, false},
      {"list", "isNotEmpty", {}, true},
      {"absent", "isNotEmpty", {}, false},
      {"list", "includes", "\"a\"", true},
      {"list", "includes", "\"2\"", true},
      {"list", "includes", "\"b\"", false},
      {"list", "notIncludes", "\"b\"", true},
      {"text", "includes", "\"Hello\"", false},
      {"text", "notIncludes", "\"b\"", false},
      {"list", "lengthEquals", "3", true},
      {"list", "lengthGreaterThan", "2", true},
      {"list", "lengthLessThan", "3", false},
      {"text", "lengthGreaterThan", "0", false},
      {"statusCode", "nonsense", "1", false},
  };
  for (const auto& row : rows) EXPECT_EQ(holds(row.field, row.op, row.value), row.holds) << row.field << " " << row.op << " " << row.value.value_or("");
}

TEST(Assertion, nested_paths_lead_into_results) {
  EXPECT_TRUE(holds("nested.a.b", "equals", "7"));
  EXPECT_FALSE(holds("nested.a.c", "exists"));
  EXPECT_FALSE(holds("nested.a.b.c", "exists"));
  EXPECT_TRUE(holds("items[0].x", "equals", "1"));
  EXPECT_FALSE(holds("items[9].x", "exists"));
  EXPECT_TRUE(holds("items[*].x", "lengthEquals", "2"));
  EXPECT_TRUE(holds("items[*].x", "includes", "2"));
  EXPECT_TRUE(holds("list[1]", "equals", "2"));
  EXPECT_FALSE(holds("list.a", "exists"));
}

TEST(Assertion, json_paths_lead_into_text) {
  EXPECT_TRUE(holds("body.$", "equals", "\"ok\"", "$.state"));
  EXPECT_TRUE(holds("body", "equals", "5", "$.data[0].id"));
  EXPECT_TRUE(holds("body.$", "isEmpty", {}, "$.data[0].tags"));
  EXPECT_TRUE(holds("body.$", "equals", "\"ok\"", "$['state']"));
  EXPECT_TRUE(holds("body.$", "includes", "5", "$.data[*].id"));
  EXPECT_FALSE(holds("body.$", "exists", {}, "$.data[1]"));
  EXPECT_FALSE(holds("body.$", "exists", {}, "$.n"));
  EXPECT_TRUE(holds("body.$", "exists"));
  // The page that is no JSON fails, whatever is asked of it.
  EXPECT_FALSE(holds("broken.$", "notExists", {}, "$.state"));
  EXPECT_FALSE(holds("text.$", "notEquals", "1", "$.state"));
}

TEST(Assertion, tells_what_was_expected_and_no_more) {
  EXPECT_EQ(failure_of(sample(), assertion("statusCode", "equals", "404")), "expected statusCode equals 404, was 200");
  EXPECT_EQ(failure_of(sample(), assertion("text", "contains", "\"x\"")), "expected text contains \"x\"");
  EXPECT_EQ(failure_of(sample(), assertion("absent", "exists")), "expected absent exists, found nothing");
  const auto clipped = failure_of(sample(), assertion("text", "equals", "\"" + std::string(3000, 'y') + "\""));
  ASSERT_TRUE(clipped);
  EXPECT_LT(clipped->size(), 200u);
}

TEST(Assertion, defects_are_found_before_it_is_stored) {
  EXPECT_FALSE(defect_of(assertion("a.b[*].c", "equals", "1")));
  EXPECT_FALSE(defect_of(assertion("body.$", "exists", {}, "$.a[0]['b c']")));
  EXPECT_TRUE(defect_of(assertion("a", "nonsense", "1")));
  EXPECT_TRUE(defect_of(assertion("a", "lessThan")));
  EXPECT_TRUE(defect_of(assertion("a", "matches", "\"(\"")));
  EXPECT_TRUE(defect_of(assertion("a", "matches", "\"" + std::string(1001, 'a') + "\"")));
  EXPECT_TRUE(defect_of(assertion("a..b", "exists")));
  EXPECT_TRUE(defect_of(assertion("a[", "exists")));
  EXPECT_TRUE(defect_of(assertion("a", "exists", {}, "$.a[?(@.b)]")));
}

TEST(Assertion, HC_15_a_hostile_pattern_takes_linear_time) {
  json::object result{{"body", std::string(200'000, 'a') + "!"}};
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_TRUE(failure_of(result, assertion("body", "matches", "\"^(a+)+$\"")));
  EXPECT_TRUE(failure_of(result, assertion("body", "matches", "\"(a|aa)+b\"")));
  // A backtracking engine would not end in the life of the universe.
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(5));
  EXPECT_TRUE(defect_of(assertion("body", "matches", "\"((((a{100}){100}){100}){100})\"")));
}

}  // namespace
}  // namespace watchbell::healthcheck
