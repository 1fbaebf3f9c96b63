#include <gtest/gtest.h>

#include "platform/log/log.hpp"
#include "platform/sql/testing.hpp"
#include "runtime/settings/store.hpp"

namespace watchbell::settings {

using SecretText = Secret<Text<0, 200>>;

struct Login {
  Text<0, 50> user;
  SecretText password;
};
BOOST_DESCRIBE_STRUCT(Login, (), (user, password))

struct Target {
  Text<1, 40> id;
  Text<1, 100> url;
  std::optional<SecretText> token;
};
BOOST_DESCRIBE_STRUCT(Target, (), (id, url, token))

struct NoAuth {
  static constexpr std::string_view kTagName = "kind", kTag = "none";
};
BOOST_DESCRIBE_STRUCT(NoAuth, (), ())
struct BasicAuth {
  static constexpr std::string_view kTagName = "kind", kTag = "basic";
  Text<0, 40> user;
  SecretText secret;
};
BOOST_DESCRIBE_STRUCT(BasicAuth, (), (user, secret))
struct BearerAuth {
  static constexpr std::string_view kTagName = "kind", kTag = "bearer";
  SecretText secret;
};
BOOST_DESCRIBE_STRUCT(BearerAuth, (), (secret))

struct Channel {
  bool enabled = false;
  Integer<1, 100> retries = 3;
  std::optional<Text<0, 200>> note;
  Login login;
  List<Target, 0, 5> targets;
  std::variant<NoAuth, BasicAuth, BearerAuth> auth;
  std::optional<SecretText> signing_key;
  Nullable<Login> proxy;
  std::optional<Timestamp> since;
};
BOOST_DESCRIBE_STRUCT(Channel, (), (enabled, retries, note, login, targets, auth, signing_key, proxy, since))

/// The third version of a record whose first was {"host", "pass"} and second {"server", "pass"}.
struct Mail {
  static constexpr int kVersion = 3;
  static std::vector<Step> steps() {
    return {{1, "host is named server", [](boost::json::object& o) { rename_member(o, "host", "server"); }},
            {2, "the password moves into credentials", [](boost::json::object& o) {
               boost::json::object credentials;
               if (const auto* pass = o.if_contains("pass")) credentials.emplace("password", *pass);
               o.erase("pass");
               o.emplace("credentials", std::move(credentials));
             }}};
  }
  struct Credentials {
    SecretText password;
  };
  Text<1, 100> server;
  Credentials credentials;
};
BOOST_DESCRIBE_STRUCT(Mail::Credentials, (), (password))
BOOST_DESCRIBE_STRUCT(Mail, (), (server, credentials))
struct MailV1 {
  Text<1, 100> host;
  SecretText pass;
};
BOOST_DESCRIBE_STRUCT(MailV1, (), (host, pass))

namespace {

const std::string kKeyA = "9f2c6d1e8b7a40536172839405b6c7d8e9fa0b1c2d3e4f5061728394a5b6c7d1";
const std::string kKeyB = "3a91c4e07d5b2f68819e0ac7d4b3625f70e1f2d3c4b5a69788796a5b4c3d2e1f";
const Timestamp kNow = Timestamp::from_millis(1'767'225'600'000);
const RecordKey kKey{"notification", "strategy.smtp.config"};

crypto::Keyring keyring(const std::string& primary = kKeyA, const std::string& previous = {}) {
  auto made = crypto::Keyring::make(primary, previous);
  if (!made) throw std::runtime_error(made.error().message);
  return *made;
}

Channel channel() {
  Channel value;
  value.enabled = true;
  value.note = Text<0, 200>::of("hello");
  value.login = {Text<0, 50>::of("ann"), {Text<0, 200>::of("login-secret")}};
  value.targets = std::vector<Target>{{Text<1, 40>::of("a"), Text<1, 100>::of("https://a"), SecretText{Text<0, 200>::of("token-of-a")}},
                                      {Text<1, 40>::of("b]\\.c"), Text<1, 100>::of("https://b"), SecretText{Text<0, 200>::of("token-of-b")}}};
  value.auth = BasicAuth{Text<0, 40>::of("bob"), {Text<0, 200>::of("basic-secret")}};
  value.signing_key = SecretText{Text<0, 200>::of("signing-secret")};
  value.proxy = Login{Text<0, 50>::of("eve"), {Text<0, 200>::of("proxy-secret")}};
  value.since = kNow;
  return value;
}
const std::vector<std::string> kSecrets{"login-secret", "token-of-a", "token-of-b", "basic-secret", "signing-secret", "proxy-secret"};

class Settings : public ::testing::Test {
 protected:
  sql::testing::FreshSession session{migrations::settings()};
  Store store{keyring()};

  std::string raw(const RecordKey& key = kKey) {
    return session.one<std::string>("select data from settings_records where area = :1 and record = :2", key.area, key.record).value();
  }
  void set_raw(const std::string& data, const RecordKey& key = kKey) {
    session.execute("insert into settings_records (area, record, revision, data, updated_at) values (:1, :2, 1, :3, 0) "
                    "on conflict (area, record) do update set data = :3", key.area, key.record, data);
  }
  Channel read() { return store.get<Channel>(session, kKey).value().value; }
  std::int64_t write(const Channel& value, const PutOptions& options = {}) {
    const auto written = store.put(session, kKey, value, kNow, options);
    EXPECT_TRUE(written) << written.error().message << (written.error().data ? written.error().data->json : "");
    return written.value_or(0);
  }
  Result<std::int64_t> write_json(std::string_view json, const PutOptions& options = {}) {
    return store.put_json(session, kKey, type_of<Channel>(), json, kNow, options);
  }
  template <class T>
  Unreadable::Why why(const RecordKey& key = kKey) {
    try {
      store.get<T>(session, key);
    } catch (const Unreadable& fault) {
      EXPECT_EQ(fault.code(), ErrorCode::internal);
      for (const auto& secret : kSecrets) EXPECT_EQ(std::string_view(fault.what()).find(secret), std::string_view::npos);
      return fault.why();
    }
    ADD_FAILURE() << "was readable";
    return {};
  }
  std::string password(const Login& login) { return std::string(std::string_view(login.password.value)); }
};

TEST_F(Settings, a_record_comes_back_as_it_was_put) {
  EXPECT_FALSE(store.get<Channel>(session, kKey));
  EXPECT_FALSE(store.get_json(session, kKey, type_of<Channel>()));
  EXPECT_FALSE(store.redacted<Channel>(session, kKey));
  EXPECT_EQ(write(channel()), 1);
  const auto stored = store.get<Channel>(session, kKey);
  ASSERT_TRUE(stored);
  EXPECT_EQ(stored->revision, 1);
  EXPECT_EQ(stored->updated_at, kNow);
  EXPECT_EQ(detail::clear_json(stored->value), detail::clear_json(channel()));
  EXPECT_EQ(boost::json::parse(store.get_json(session, kKey, type_of<Channel>())->value), boost::json::parse(detail::clear_json(channel())));
  EXPECT_EQ(write(channel()), 2);
}

TEST_F(Settings, G_1_no_secret_leaves_in_clear_or_sealed_at_any_depth) {
  log::Capture log;
  write(channel());
  const std::string data = raw();
  const auto shown = store.redacted<Channel>(session, kKey);
  ASSERT_TRUE(shown);
  for (const auto& secret : kSecrets) {
    EXPECT_EQ(data.find(secret), std::string::npos) << secret;
    EXPECT_EQ(shown->value.json.find(secret), std::string::npos) << secret;
  }
  EXPECT_EQ(shown->value.json.find("v2:"), std::string::npos);
  EXPECT_EQ(shown->value.secrets_set, (std::vector<std::string>{"login.password", "targets[a].token", R"(targets[b\]\\.c].token)", "auth.secret", "signingKey",
                                                                "proxy.password"}));
  EXPECT_EQ(shown->value.json,
            R"({"enabled":true,"retries":3,"note":"hello","login":{"user":"ann"},"targets":[{"id":"a","url":"https://a"},{"id":"b]\\.c","url":"https://b"}],)"
            R"("auth":{"kind":"basic","user":"bob"},"proxy":{"user":"eve"},"since":"2026-01-01T00:00:00.000Z"})");
  // Errors and faults name places only.
  set_raw(R"({"version":1,"value":{"login":{"user":"ann"},"targets":"login-secret","auth":{"kind":"none"},"proxy":null},"secrets":{}})");
  EXPECT_EQ(why<Channel>(), Unreadable::Why::invalid);
  const auto refused = write_json(R"({"login":{"user":1,"password":"login-secret"},"targets":[],"auth":{"kind":"none"},"proxy":null})");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message.find("login-secret"), std::string::npos);
  EXPECT_EQ(refused.error().data->json.find("login-secret"), std::string::npos);
  EXPECT_TRUE(log.lines().empty());
}

TEST_F(Settings, G_1_a_secret_under_a_wrong_name_or_branch_does_not_stay_in_clear) {
  write(channel());
  ASSERT_TRUE(write_json(R"({"login":{"passwort":"login-secret"},"auth":{"kind":"none","secret":"basic-secret"},"targets":[{"id":"a","url":"x","Token":"token-of-a"}]})"));
  const auto shown = store.redacted<Channel>(session, kKey);
  for (const auto& secret : kSecrets) {
    EXPECT_EQ(raw().find(secret), std::string::npos) << secret;
    EXPECT_EQ(shown->value.json.find(secret), std::string::npos) << secret;
  }
  // A union's value of no branch is refused whole.
  EXPECT_EQ(write_json(R"({"auth":{"kind":"digest","secret":"basic-secret"}})").error().code, ErrorCode::bad_request);
  // What became a secret after it was stored is not shown either.
  set_raw(R"({"version":1,"value":{"login":{"user":"ann","password":"login-secret"},"targets":[],"auth":{"kind":"none"},"proxy":null},"secrets":{}})");
  const auto before = store.redacted<Channel>(session, kKey);
  EXPECT_EQ(before->value.json.find("login-secret"), std::string::npos);
  EXPECT_EQ(before->value.secrets_set, std::vector<std::string>{"login.password"});
}

TEST_F(Settings, G_2_text_that_looks_sealed_is_plaintext_when_a_user_sends_it) {
  write(channel());
  const auto document = boost::json::parse(raw());
  const std::string sealed(document.at("secrets").at("signingKey").as_string());
  const std::string old = "AAAAAAAAAAAAAAAA:AAAAAAAAAAAAAAAAAAAAAA==:AAAA";
  for (const auto& text : {sealed, old}) {
    ASSERT_TRUE(write_json(fmt::format(R"({{"signingKey":"{}"}})", text)));
    EXPECT_EQ(std::string_view(read().signing_key->value), text);
    EXPECT_EQ(raw().find(text), std::string::npos);
  }
  // Nor is anything made of it where no secret stands.
  ASSERT_TRUE(write_json(fmt::format(R"({{"note":"{}"}})", sealed)));
  EXPECT_EQ(std::string_view(*read().note), sealed);
}

TEST_F(Settings, G_3_a_ciphertext_copied_to_another_place_does_not_open) {
  write(channel());
  const std::string original = raw();
  const auto swapped = [&](std::string_view from, std::string_view to) {
    auto document = boost::json::parse(original);
    auto& sealed = document.at("secrets").as_object();
    sealed[to] = sealed.at(from);
    return boost::json::serialize(document);
  };
  set_raw(swapped("login.password", "proxy.password"));
  EXPECT_EQ(why<Channel>(), Unreadable::Why::sealed);
  set_raw(swapped("targets[a].token", R"(targets[b\]\\.c].token)"));
  EXPECT_EQ(why<Channel>(), Unreadable::Why::sealed);
  const RecordKey other_record{kKey.area, "strategy.other.config"};
  set_raw(original, other_record);
  EXPECT_EQ(why<Channel>(other_record), Unreadable::Why::sealed);
  const RecordKey other_area{"healthcheck", kKey.record};
  set_raw(original, other_area);
  EXPECT_EQ(why<Channel>(other_area), Unreadable::Why::sealed);
  set_raw(original);
  EXPECT_EQ(password(read().login), "login-secret");
  constexpr std::string_view kSealed = " (sealed with another master key, or moved here)";
  EXPECT_EQ(store.judge(session).refused,
            (std::vector<std::string>{fmt::format("healthcheck/strategy.smtp.config{}", kSealed), fmt::format("notification/strategy.other.config{}", kSealed)}));
}

TEST_F(Settings, G_4_absent_and_empty_secrets_keep_the_stored_ones_at_any_depth) {
  write(channel());
  // Items are told by their id: order and number may change.
  ASSERT_TRUE(write_json(R"({"enabled":false,"login":{"user":"new","password":""},"auth":{"kind":"basic","user":"carl","secret":"  \n"},"signingKey":"",
    "targets":[{"id":"b]\\.c","url":"https://b2"},{"id":"n","url":"https://n"},{"id":"a","url":"https://a2","token":"new-token"}],"proxy":{"user":"eve2"}})"));
  const Channel now = read();
  EXPECT_FALSE(now.enabled);
  EXPECT_EQ(std::string_view(now.login.user), "new");
  EXPECT_EQ(password(now.login), "login-secret");
  EXPECT_EQ(std::string_view(std::get<BasicAuth>(now.auth).secret.value), "basic-secret");
  EXPECT_EQ(std::string_view(now.signing_key->value), "signing-secret");
  EXPECT_EQ(password(*now.proxy), "proxy-secret");
  ASSERT_EQ(now.targets.size(), 3u);
  EXPECT_EQ(std::string_view(now.targets[0].token->value), "token-of-b");
  EXPECT_FALSE(now.targets[1].token);
  EXPECT_EQ(std::string_view(now.targets[2].token->value), "new-token");
  EXPECT_EQ(std::string_view(*now.note), "hello");  // absent keeps
}

TEST_F(Settings, G_4_a_whole_value_keeps_secrets_and_unsets_the_rest) {
  write(channel());
  Channel value = channel();
  value.note.reset();
  value.since.reset();
  value.login.password = {};
  value.signing_key.reset();
  value.targets.pop_back();
  value.targets[0].token.reset();
  value.proxy.reset();
  write(value);
  const Channel now = read();
  EXPECT_FALSE(now.note);
  EXPECT_FALSE(now.since);
  EXPECT_FALSE(now.proxy.has_value());
  EXPECT_EQ(password(now.login), "login-secret");
  EXPECT_EQ(std::string_view(now.signing_key->value), "signing-secret");
  EXPECT_EQ(std::string_view(now.targets[0].token->value), "token-of-a");
  // The removed item and proxy took their secrets along.
  EXPECT_EQ(store.redacted<Channel>(session, kKey)->value.secrets_set,
            (std::vector<std::string>{"login.password", "targets[a].token", "auth.secret", "signingKey"}));
  write(value, {.clear = {"signingKey", "targets[a].token", "targets[gone].token", "login[", ""}});
  EXPECT_EQ(store.redacted<Channel>(session, kKey)->value.secrets_set, (std::vector<std::string>{"login.password", "auth.secret"}));
}

TEST_F(Settings, G_4_an_explicit_null_clears) {
  write(channel());
  ASSERT_TRUE(write_json(R"({"note":null,"login":{"password":null},"targets":[{"id":"a","token":null}],"auth":{"secret":null},"signingKey":null,"proxy":null,"since":null})"));
  const Channel now = read();
  EXPECT_TRUE(store.redacted<Channel>(session, kKey)->value.secrets_set.empty());
  EXPECT_FALSE(now.note);
  EXPECT_FALSE(now.since);
  EXPECT_FALSE(now.proxy.has_value());
  EXPECT_EQ(std::string_view(now.login.user), "ann");
  EXPECT_EQ(std::string_view(std::get<BasicAuth>(now.auth).user), "bob");
  EXPECT_EQ(std::string_view(now.targets[0].url), "https://a");
}

TEST_F(Settings, G_4_another_branch_of_a_union_takes_no_secret_over) {
  write(channel());
  ASSERT_TRUE(write_json(R"({"auth":{"kind":"bearer"}})"));
  EXPECT_TRUE(std::get<BearerAuth>(read().auth).secret.value.empty());
}

TEST_F(Settings, G_4_the_loser_of_two_updates_gets_conflict_and_no_secret_is_lost) {
  EXPECT_EQ(store.put(session, kKey, channel(), kNow, {.expected_revision = 1}).error().code, ErrorCode::conflict);
  EXPECT_EQ(write(channel(), {.expected_revision = 0}), 1);
  EXPECT_EQ(store.put(session, kKey, channel(), kNow, {.expected_revision = 0}).error().code, ErrorCode::conflict);
  ASSERT_TRUE(write_json(R"({"signingKey":"of the winner"})", {.expected_revision = 1}));
  const auto lost = write_json(R"({"login":{"password":"of the loser"}})", {.expected_revision = 1});
  EXPECT_EQ(lost.error().code, ErrorCode::conflict);
  EXPECT_EQ(std::string_view(read().signing_key->value), "of the winner");
  EXPECT_EQ(password(read().login), "login-secret");
}

TEST_F(Settings, G_4_a_write_between_reading_and_writing_is_a_conflict_too) {
  // The other writer's row, as the guarded statement meets it: it changes nothing.
  const auto meet = [&](std::string_view what) {
    if (session.dialect() == sql::Dialect::sqlite) {
      session.execute(fmt::format("create trigger other_{0} before {0} on settings_records begin select raise(ignore); end", what));
    } else {
      session.execute("create or replace function other() returns trigger language plpgsql as 'begin return null; end'");
      session.execute(fmt::format("create trigger other_{0} before {0} on settings_records for each row execute function other()", what));
    }
  };
  meet("insert");
  EXPECT_EQ(store.put(session, kKey, channel(), kNow).error().code, ErrorCode::conflict);
  session.execute(session.dialect() == sql::Dialect::sqlite ? "drop trigger other_insert" : "drop trigger other_insert on settings_records");
  write(channel());
  meet("update");
  EXPECT_EQ(store.put(session, kKey, channel(), kNow).error().code, ErrorCode::conflict);
  const Store rotated(keyring(kKeyB, kKeyA));
  EXPECT_EQ(rotated.reencrypt(session).failed, std::vector<std::string>{"notification/strategy.smtp.config"});
}

TEST_F(Settings, G_5_invalid_data_is_refused_at_write) {
  for (const char* json : {"", "nonsense", "[]", "null", "5", R"({"retries":0})", R"({"login":{"user":"ann"}})", R"({"retries":1e400})"})
    EXPECT_EQ(write_json(json).error().code, ErrorCode::bad_request) << json;
  EXPECT_EQ(write_json(std::string(rpc::kMaxDepth + 1, '[') + std::string(rpc::kMaxDepth + 1, ']')).error().code, ErrorCode::bad_request);
  const auto items = [&](const char* targets) { return write_json(fmt::format(R"({{"login":{{}},"auth":{{"kind":"none"}},"proxy":null,"targets":{}}})", targets)); };
  EXPECT_EQ(items(R"([{"url":"u"}])").error().data->json,
            R"({"issues":[{"code":"custom","path":["targets",0,"id"],"message":"Invalid input: an item that can hold a secret needs an id"}]})");
  EXPECT_EQ(items(R"([{"id":"a","url":"u"},{"id":"a","url":"u"}])").error().code, ErrorCode::bad_request);
  EXPECT_EQ(items("[5]").error().code, ErrorCode::bad_request);
  EXPECT_EQ(items("5").error().code, ErrorCode::bad_request);
  EXPECT_TRUE(store.list(session, kKey.area).empty());
  EXPECT_TRUE(items(R"([{"id":"a","url":"u"}])"));
}

TEST_F(Settings, G_5_unreadable_data_is_a_fault_and_never_defaults) {
  for (const char* data : {"", "x", "[]", R"({"version":1,"value":{}})", R"({"version":"1","value":{},"secrets":{}})", R"({"version":0,"value":{},"secrets":{}})",
                           R"({"version":1,"secrets":{}})", R"({"version":1,"value":{},"secrets":{"a":1}})", R"({"version":1,"value":{},"secrets":[]})"}) {
    set_raw(data);
    EXPECT_EQ(why<Channel>(), Unreadable::Why::damaged) << data;
    EXPECT_THROW(store.redacted<Channel>(session, kKey), Unreadable) << data;
    EXPECT_THROW(store.put(session, kKey, channel(), kNow), Unreadable) << data;
  }
  set_raw(R"({"version":1,"value":{"retries":5000},"secrets":{}})");
  EXPECT_EQ(why<Channel>(), Unreadable::Why::invalid);
  EXPECT_THROW(store.get_json(session, kKey, type_of<Channel>()), Unreadable);
  set_raw(R"({"version":2,"value":{},"secrets":{"x":"y"}})");
  EXPECT_EQ(why<Channel>(), Unreadable::Why::too_new);
  set_raw(R"({"version":9000000000,"value":{},"secrets":{}})");
  EXPECT_EQ(why<Channel>(), Unreadable::Why::too_new);
  EXPECT_THROW(store.redacted<Channel>(session, kKey), Unreadable);
  // A key that is lost.
  EXPECT_TRUE(store.erase(session, kKey));
  write(channel());
  const Store stranger(keyring(kKeyB));
  EXPECT_THROW(stranger.get<Channel>(session, kKey), Unreadable);
  EXPECT_EQ(stranger.judge(session).refused, std::vector<std::string>{"notification/strategy.smtp.config (sealed with another master key, or moved here)"});
  EXPECT_TRUE(store.judge(session).refused.empty());
  // A secret whose place is gone, and one that holds no JSON.
  auto document = boost::json::parse(raw());
  document.at("value").as_object().erase("login");
  set_raw(boost::json::serialize(document));
  EXPECT_EQ(why<Channel>(), Unreadable::Why::damaged);
  const std::string bare = keyring().seal("no json", crypto::seal_aad(kKey.area, kKey.record, "signingKey"));
  set_raw(fmt::format(R"({{"version":1,"value":{{}},"secrets":{{"signingKey":"{}"}}}})", bare));
  EXPECT_EQ(why<Channel>(), Unreadable::Why::damaged);
}

TEST_F(Settings, G_6_records_of_different_areas_do_not_collide) {
  const RecordKey a{"auth", "same"};
  const RecordKey b{"catalog", "same"};
  ASSERT_TRUE(store.put(session, a, MailV1{Text<1, 100>::of("of auth"), {Text<0, 200>::of("1")}}, kNow));
  ASSERT_TRUE(store.put(session, b, MailV1{Text<1, 100>::of("of catalog"), {Text<0, 200>::of("2")}}, kNow));
  EXPECT_EQ(std::string_view(store.get<MailV1>(session, a)->value.host), "of auth");
  EXPECT_EQ(std::string_view(store.get<MailV1>(session, b)->value.host), "of catalog");
  EXPECT_EQ(store.list(session, "auth"), std::vector<std::string>{"same"});
  EXPECT_TRUE(store.erase(session, a));
  EXPECT_FALSE(store.erase(session, a));
  EXPECT_TRUE(store.get<MailV1>(session, b));
}

TEST_F(Settings, names_are_listed_and_erased_by_their_very_prefix) {
  const MailV1 value{Text<1, 100>::of("h"), {}};
  for (const char* record : {"user-pref.u1.a", "user-pref.u1.b", "user-pref.u10.a", "user_pref.u1.a", "user%", "ü.1"})
    ASSERT_TRUE(store.put(session, {"n", record}, value, kNow));
  EXPECT_EQ(store.list(session, "n", "user-pref.u1."), (std::vector<std::string>{"user-pref.u1.a", "user-pref.u1.b"}));
  EXPECT_EQ(store.list(session, "n", "user%"), std::vector<std::string>{"user%"});
  EXPECT_EQ(store.list(session, "n", "ü"), std::vector<std::string>{"ü.1"});
  EXPECT_EQ(store.list(session, "n").size(), 6u);
  EXPECT_EQ(store.erase_all(session, "n", "user-pref.u1."), 2);
  EXPECT_EQ(store.erase_all(session, "other", ""), 0);
  EXPECT_EQ(store.list(session, "n").size(), 4u);
}

TEST_F(Settings, G_7_earlier_versions_are_read_as_the_present_one_and_written_back_once) {
  ASSERT_TRUE(store.put(session, kKey, MailV1{Text<1, 100>::of("mail.test"), {Text<0, 200>::of("login-secret")}}, kNow));
  const std::string before = raw();
  const auto stored = store.get<Mail>(session, kKey);
  EXPECT_EQ(std::string_view(stored->value.server), "mail.test");
  EXPECT_EQ(std::string_view(stored->value.credentials.password.value), "login-secret");
  const auto shown = store.redacted<Mail>(session, kKey);
  EXPECT_EQ(shown->value.json, R"({"server":"mail.test","credentials":{}})");
  EXPECT_EQ(shown->value.secrets_set, std::vector<std::string>{"credentials.password"});
  EXPECT_EQ(raw(), before) << "reading writes nothing";

  EXPECT_TRUE(store.upgrade(session, kKey, type_of<Mail>(), kNow));
  EXPECT_FALSE(store.upgrade(session, kKey, type_of<Mail>(), kNow));
  EXPECT_FALSE(store.upgrade(session, {"n", "none"}, type_of<Mail>(), kNow));
  EXPECT_EQ(store.get<Mail>(session, kKey)->revision, 2);
  EXPECT_EQ(std::string_view(store.get<Mail>(session, kKey)->value.credentials.password.value), "login-secret");
  EXPECT_EQ(raw().find("login-secret"), std::string::npos);
  EXPECT_EQ(why<MailV1>(), Unreadable::Why::too_new);
}

TEST_F(Settings, G_5_start_judges_every_record_by_the_type_its_area_declared) {
  store.declare("mail", [](std::string_view record) { return record.starts_with("m.") ? &type_of<Mail>() : nullptr; });
  const std::string fits = R"({"version":3,"value":{"server":"s","credentials":{}},"secrets":{}})";
  set_raw(fits, {"mail", "m.fits"});
  set_raw(R"({"version":1,"value":{"host":"secret-host"},"secrets":{}})", {"mail", "m.older"});
  set_raw(R"({"version":99,"value":{},"secrets":{}})", {"mail", "unknown"});
  set_raw(R"({"version":99,"value":{},"secrets":{}})", {"other", "m.fits"});
  EXPECT_TRUE(store.judge(session).refused.empty()) << "nobody knows what the last two are";

  set_raw(R"({"version":4,"value":{"server":"s"},"secrets":{}})", {"mail", "m.newer"});
  set_raw(R"({"version":3,"value":{"server":"","credentials":"secret-word"},"secrets":{}})", {"mail", "m.no-fit"});
  set_raw(R"({"version":2,"value":{"server":""},"secrets":{}})", {"mail", "m.step"});
  set_raw("garbage", {"mail", "m.torn"});
  EXPECT_EQ(store.judge(session).refused,
            (std::vector<std::string>{"mail/m.newer (written by a later version of this program)", "mail/m.no-fit (does not fit its type)",
                                      "mail/m.step (does not fit its type)", "mail/m.torn (damaged)"}));
}

TEST_F(Settings, G_7_start_upgrades_what_is_older_once_and_nothing_else) {
  store.declare("mail", [](std::string_view) { return &type_of<Mail>(); });
  const RecordKey older{"mail", "older"}, present{"mail", "present"}, unknown{"other", "older"};
  ASSERT_TRUE(store.put(session, older, MailV1{Text<1, 100>::of("mail.test"), {Text<0, 200>::of("login-secret")}}, kNow));
  ASSERT_TRUE(store.put(session, unknown, MailV1{Text<1, 100>::of("mail.test"), {Text<0, 200>::of("login-secret")}}, kNow));
  set_raw(R"({"version":3,"value":{"server":"s","credentials":{}},"secrets":{}})", present);
  const std::string before = raw(present), left_alone = raw(unknown);
  const auto judged = store.judge(session);
  EXPECT_TRUE(judged.refused.empty());
  ASSERT_EQ(judged.outdated.size(), 1u);
  EXPECT_EQ(judged.outdated.front().record, "older");
  store.upgrade(session, judged.outdated, kNow);
  store.upgrade(session, judged.outdated, kNow);  // another process that judged at the same time
  EXPECT_EQ(store.get<Mail>(session, older)->revision, 2);
  EXPECT_EQ(std::string_view(store.get<Mail>(session, older)->value.credentials.password.value), "login-secret");
  EXPECT_TRUE(store.judge(session).outdated.empty());
  EXPECT_EQ(raw(present), before);
  EXPECT_EQ(raw(unknown), left_alone);
}

TEST_F(Settings, G_7_an_update_over_an_earlier_version_keeps_its_secrets) {
  ASSERT_TRUE(store.put(session, kKey, MailV1{Text<1, 100>::of("mail.test"), {Text<0, 200>::of("login-secret")}}, kNow));
  ASSERT_TRUE(store.put_json(session, kKey, type_of<Mail>(), R"({"server":"new.test","credentials":{"password":""}})", kNow, {.expected_revision = 1}));
  EXPECT_EQ(std::string_view(store.get<Mail>(session, kKey)->value.credentials.password.value), "login-secret");
}

TEST_F(Settings, G_7_a_step_that_makes_something_invalid_is_a_fault_and_nothing_is_written) {
  set_raw(R"({"version":2,"value":{"server":""},"secrets":{}})");
  EXPECT_EQ(why<Mail>(), Unreadable::Why::invalid);
  EXPECT_THROW(store.upgrade(session, kKey, type_of<Mail>(), kNow), Unreadable);
  set_raw(R"({"version":1,"value":[],"secrets":{}})");
  EXPECT_EQ(why<Mail>(), Unreadable::Why::damaged);
}

TEST(SettingsTypes, a_member_is_renamed_with_what_it_holds) {
  boost::json::object object{{"a", "text that is too long to be kept in place"}, {"b", 1}};
  rename_member(object, "a", "c");
  rename_member(object, "none", "d");
  rename_member(object, "b", "b");
  EXPECT_EQ(boost::json::value(object), boost::json::parse(R"({"b":1,"c":"text that is too long to be kept in place"})"));
}

TEST(SettingsTypes, a_gap_between_steps_names_the_missing_version) {
  const auto nothing = [](boost::json::object&) {};
  const auto text = [](int version, std::vector<Step> steps) -> std::string {
    try {
      RecordType::of<MailV1>(version, std::move(steps));
    } catch (const Fault& fault) {
      return fault.what();
    }
    return "none";
  };
  EXPECT_EQ(text(3, {{1, "", nothing}, {2, "", nothing}}), "none");
  EXPECT_NE(text(4, {{1, "", nothing}, {3, "", nothing}}).find("version 2"), std::string::npos);
  EXPECT_NE(text(4, {{1, "", nothing}, {2, "", nothing}}).find("version 3"), std::string::npos);
  EXPECT_NE(text(2, {{1, "", nothing}, {2, "", nothing}}).find("past"), std::string::npos);

  // The oldest step may be later than 1: what is older cannot be read.
  const auto type = RecordType::of<MailV1>(3, {{2, "", nothing}});
  const Sealer sealer(keyring());
  try {
    sealer.open(type, kKey, R"({"version":1,"value":{},"secrets":{}})");
    ADD_FAILURE();
  } catch (const Unreadable& fault) {
    EXPECT_EQ(fault.why(), Unreadable::Why::no_step);
    EXPECT_NE(std::string_view(fault.what()).find("version 1"), std::string_view::npos);
  }
}

struct NoId {
  List<Login, 0, 3> logins;
};
BOOST_DESCRIBE_STRUCT(NoId, (), (logins))
struct HasSet {
  Set<Uuid, 3> ids;
};
BOOST_DESCRIBE_STRUCT(HasSet, (), (ids))

TEST(SettingsTypesDeathTest, types_whose_secrets_have_no_stable_place_or_no_plain_form_are_our_bug) {
  EXPECT_DEATH(RecordType::of<NoId>(), "well_formed");
  EXPECT_DEATH(RecordType::of<HasSet>(), "well_formed");
}
static_assert(!detail::kSecretsWellPlaced<List<SecretText, 0, 3>>);
static_assert(!detail::kSecretsWellPlaced<Nullable<SecretText>>);
static_assert(detail::kSecretsWellPlaced<Channel> && detail::kSecretsWellPlaced<NoId>);

TEST_F(Settings, reencrypt_seals_everything_under_the_new_key_and_a_second_run_rewrites_nothing) {
  write(channel());
  const RecordKey plain{"n", "plain"};
  const RecordKey broken{"n", "broken"};
  ASSERT_TRUE(store.put(session, plain, MailV1{Text<1, 100>::of("h"), {}}, kNow));
  // Sealed under a key nobody has.
  ASSERT_TRUE(Store(keyring("5c0ffee1d2b3a49586778695a4b3c2d1e0f9182736455463728190afbecddc0b")).put(session, broken, MailV1{Text<1, 100>::of("h"), {Text<0, 200>::of("x")}}, kNow));

  log::Capture log;
  const Store rotated(keyring(kKeyB, kKeyA));
  EXPECT_EQ(detail::clear_json(rotated.get<Channel>(session, kKey)->value), detail::clear_json(channel()));
  const auto first = rotated.reencrypt(session);
  EXPECT_EQ(first.scanned, 3);
  EXPECT_EQ(first.reencrypted, 1);
  EXPECT_EQ(first.skipped, 1);
  EXPECT_EQ(first.failed, std::vector<std::string>{"n/broken"});
  const auto second = rotated.reencrypt(session);
  EXPECT_EQ(second.reencrypted, 0);
  EXPECT_EQ(second.skipped, 2);
  EXPECT_EQ(second.failed, first.failed);
  EXPECT_TRUE(log.lines().empty());

  const Store without_old(keyring(kKeyB));
  EXPECT_EQ(detail::clear_json(without_old.get<Channel>(session, kKey)->value), detail::clear_json(channel()));
  EXPECT_EQ(without_old.get<Channel>(session, kKey)->revision, 1) << "nobody's form is outdated by it";
}

// What the older form says, made with openssl: AES-256-GCM under kKeyA, nonce of twelve zero bytes, no additional data, "old secret".
TEST_F(Settings, the_older_form_of_sealed_text_is_read_and_sealed_anew) {
  const std::string old = "AAAAAAAAAAAAAAAA:iyoOZuOks33c4NCC4E+lBw==:3d3GTOD1OiOMMQ==";
  set_raw(fmt::format(R"({{"version":1,"value":{{"host":"h"}},"secrets":{{"pass":"{}"}}}})", old));
  EXPECT_EQ(std::string_view(store.get<MailV1>(session, kKey)->value.pass.value), "old secret");
  EXPECT_EQ(store.reencrypt(session).reencrypted, 1);
  EXPECT_EQ(raw().find(old), std::string::npos);
  EXPECT_EQ(std::string_view(store.get<MailV1>(session, kKey)->value.pass.value), "old secret");
}

// A domain with a table of its own keeps such texts in a column.
TEST(SettingsSealer, works_on_plain_text_without_a_store) {
  const Sealer sealer(keyring());
  const RecordKey key{"healthcheck", "configuration.1"};
  const auto first = sealer.update(type_of<Login>(), key, R"({"user":"ann","password":"login-secret"})", std::nullopt);
  ASSERT_TRUE(first);
  const auto second = sealer.update(type_of<Login>(), key, R"({"user":"bob"})", *first);
  ASSERT_TRUE(second);
  const Login login = sealer.open<Login>(key, *second);
  EXPECT_EQ(std::string_view(login.user), "bob");
  EXPECT_EQ(std::string_view(login.password.value), "login-secret");
  EXPECT_EQ(sealer.redact(type_of<Login>(), key, *second).json, R"({"user":"bob"})");
  EXPECT_FALSE(sealer.reseal(key, *second));
  sealer.check(key, *second);
  EXPECT_THROW(sealer.check({"healthcheck", "configuration.2"}, *second), Unreadable);
}

}  // namespace
}  // namespace watchbell::settings
