#pragma once

#include <map>
#include <set>
#include <span>

#include "domains/auth/credentials.hpp"
#include "domains/auth/second_factor_store.hpp"
#include "domains/auth/session_store.hpp"
#include "domains/auth/store.hpp"
#include "domains/auth/types.hpp"
#include "domains/auth/verified_credentials.hpp"
#include "domains/auth/views.hpp"
#include "platform/crypto/keyring.hpp"
#include "platform/crypto/password.hpp"
#include "platform/crypto/reencryption.hpp"
#include "runtime/access/principal.hpp"
#include "runtime/change/change.hpp"
#include "runtime/coherence/scope.hpp"

namespace watchbell::settings {
class Store;
}

namespace watchbell::auth {

/// A sign-in that succeeded; or, with a challenge, whose second factor is still to be shown: then there is no session and no token yet.
struct SignedIn {
  User user;
  Session session;
  std::string token;
  std::optional<std::string> challenge = {};  ///< what finish_sign_in() takes, for ten minutes
};
inline constexpr std::chrono::minutes kChallengeLife{10};

/// A code that shows a second factor.
struct FactorCode {
  enum class Kind { totp, recovery };
  Kind kind = Kind::totp;
  std::string text;
};

/// What a user is shown, once, who sets up a second factor.
struct SecondFactorSetup {
  std::string uri;
  std::vector<std::string> recovery_codes;
};

/// Of whom a second factor is demanded: until he has one, his sessions open nothing but the way to set it up.
enum class SecondFactorOf { nobody, administrators, everybody };

/// The session of a request with its user.
struct Current {
  User user;
  Session session;
  std::string token;
  bool extended = false;       ///< its end was moved: the cookie is to be set again
  bool second_factor = false;  ///< the user has one
};

/// Whether a token opens a new password.
enum class ResetToken { valid, invalid, expired };

/// What an application is made from.
struct ApplicationInput {
  std::string name;  ///< 1 to 100 characters
  std::vector<std::string> rules;
  std::optional<std::chrono::hours> life = {};  ///< for ever when not given
};

/// An application with its rules, `*` for an administrator.
struct ApplicationSummary {
  Application application;
  std::vector<std::string> rules;  ///< sorted
};

/// An application just made, or rotated; the key is shown this once.
struct NewApplication {
  ApplicationId id;
  std::string key;
};

/// The queue of requests for a new password.
inline constexpr std::string_view kPasswordResetQueue = "auth.password_reset";

/// The use cases of auth, and the identity behind every request. Loop-only.
class Service final : public access::Identity {
 public:
  struct Options {
    std::optional<std::string> setup_token;  ///< asked of remote onboarding; none is made up here
    bool listening_on_loopback = true;
    bool behind_proxy = false;
    SecondFactorOf second_factor_of = SecondFactorOf::nobody;
  };
  Service(sql::Database& database, coherence::Memory& cache, Changes& changes, const settings::Store& settings, crypto::PasswordHasher& passwords, const crypto::Keyring& keyring,
          async::TaskScope& scope, const Clock& clock, CookieSigner cookies, Options options);

  // access::Identity
  awaitable<Result<access::PrincipalPtr>> identify(access::Credentials credentials) override;
  access::PrincipalPtr identify_now(access::Credentials credentials) override;
  awaitable<Result<access::RuleSetPtr>> anonymous_rules() override;
  access::RuleSetPtr anonymous_rules_now() override;

  /// Seeds the roles and makes the stored rules those declared; at every start, before routes open.
  ///
  /// @param visitors_use  the rules that some procedure open to visitors asks for: no others can be given to them
  /// @param all           whether nobody else declares any: else rules that are not among these stay
  awaitable<Result<void>> sync(std::vector<access::Rule> rules, std::set<std::string> visitors_use = {}, bool all = true);

  awaitable<Result<bool>> needs_onboarding();
  /// Whether onboarding asks this request for the setup token.
  bool asks_setup_token(bool forwarded) const;
  // Names are trimmed; a blank one is ErrorCode::bad_request.

  /// Makes the first administrator. ErrorCode::forbidden once there is a user, and for a wrong setup token.
  awaitable<Result<void>> complete_onboarding(std::string name, Email email, std::string password, std::optional<std::string> setup_token, bool forwarded,
                                              std::string address);
  /// Another administrator, from the console.
  awaitable<Result<UserId>> create_admin(std::string name, Email email, std::string password);

  // Sessions (sessions.cpp).
  /// ErrorCode::unauthorized for an unknown address and for a wrong password alike, after the same work. ErrorCode::too_many_requests while a pause
  /// lasts that wrong passwords have brought upon the address and the client's network; nobody elsewhere waits for it. With a challenge for a user
  /// who has a second factor.
  awaitable<Result<SignedIn>> sign_in(Email email, std::string password, bool remember, std::string address, std::string user_agent);
  /// A new user who signs himself up, and is signed in. ErrorCode::forbidden while nobody may, ErrorCode::conflict for an address that is taken.
  awaitable<Result<SignedIn>> sign_up(std::string name, Email email, std::string password, std::string address, std::string user_agent);
  /// Ends the session of a cookie header; nothing happens without one.
  awaitable<Result<void>> sign_out(std::string cookie, std::string address);
  /// The session of a cookie header, extended when it is due; nothing without one.
  awaitable<Result<std::optional<Current>>> current_session(std::string cookie);
  /// A user's live sessions, the youngest first.
  awaitable<Result<std::vector<Session>>> sessions(UserId user);
  /// Ends one of the user's own sessions: it is nobody's from the next request on. Nothing happens when he has no such session.
  awaitable<Result<void>> end_session(UserId user, SessionId id, std::string address);
  /// Ends all his sessions, or all but one.
  awaitable<Result<void>> end_sessions(UserId user, std::optional<SessionId> but, std::string address);
  awaitable<Result<std::vector<store::Account>>> accounts(UserId user);

  // Passwords (passwords.cpp, password_reset.cpp). One policy holds for every new one (ErrorCode::bad_request), and a new one ends the sessions of the
  // one before.
  /// Ends all sessions but this one, which gets a new token when `renew` says so, and tells the user. ErrorCode::unauthorized when `current` is wrong.
  awaitable<Result<std::optional<SignedIn>>> change_password(Current session, std::string current, std::string fresh, bool renew, std::string address);
  /// From the console: ends every session, and takes the second factor away when told so. ErrorCode::not_found.
  awaitable<Result<UserId>> reset_password_of(Email email, std::string fresh, bool drop_second_factor = false);
  /// Sends whoever has the address a link to a new password, later: what is done here is the same for every address.
  awaitable<Result<void>> request_password_reset(Email email, std::string address);
  /// The job that does it.
  awaitable<jobs::Outcome> run_password_reset(jobs::Job job);
  awaitable<Result<ResetToken>> judge_reset_token(std::string token);
  /// Uses the token up, ends every session, tells the user. ErrorCode::not_found for a token that opens nothing.
  awaitable<Result<void>> reset_password(std::string token, std::string fresh, std::string address);

  // Second factors (second_factor.cpp). Wrong passwords and codes are ErrorCode::unauthorized and count as those of sign-ins do.
  /// A new secret, in force once confirm_second_factor() was given a code of it. ErrorCode::conflict while one is in force.
  awaitable<Result<SecondFactorSetup>> enable_second_factor(Current session, std::string password, std::string address);
  /// What enable_second_factor() gave out. ErrorCode::not_found.
  awaitable<Result<std::string>> second_factor_uri(Current session, std::string password, std::string address);
  /// Puts the secret in force; once it is, only tells whether the code is right. ErrorCode::not_found.
  awaitable<Result<void>> confirm_second_factor(Current session, FactorCode code, std::string address);
  /// Nothing happens when there is none.
  awaitable<Result<void>> disable_second_factor(Current session, std::string password, std::string address);
  /// In place of those before. ErrorCode::not_found.
  awaitable<Result<std::vector<std::string>>> renew_recovery_codes(Current session, std::string password, std::string address);
  /// Ends the sign-in that a challenge's cookie stands for. ErrorCode::not_found when it stands for none, any more or after five wrong codes.
  awaitable<Result<SignedIn>> finish_sign_in(std::string cookie, FactorCode code, std::string address, std::string user_agent);

  /// Seals the secrets of second factors under the primary key, some at a time. Running it again rewrites nothing.
  awaitable<Result<crypto::Reencryption>> reencrypt();

  awaitable<Result<User>> profile(UserId user);
  /// An application whose only role is a new one holding exactly these rules. ErrorCode::bad_request naming rules that do not exist.
  awaitable<Result<NewApplication>> create_application(ApplicationInput input, std::string actor);
  /// All of them, by age.
  awaitable<Result<std::vector<ApplicationSummary>>> applications();
  /// Its key opens nothing from the next request on, for good. Nothing happens when it was revoked before. ErrorCode::not_found.
  awaitable<Result<void>> revoke_application(ApplicationId id, std::string actor);
  /// A new secret; the one before lives on for `keep`, and one before that not at all: at most two are live. ErrorCode::not_found, and
  /// ErrorCode::conflict for a key that is revoked or has expired.
  awaitable<Result<NewApplication>> rotate_application(ApplicationId id, std::chrono::hours keep, std::string actor);

  // What people do to each other's rights. A change is audited whether it was done or refused as forbidden or in conflict. Nobody hands on rules he does
  // not hold himself when the change takes place: ErrorCode::forbidden. Unknown ids are ErrorCode::not_found, unknown rules ErrorCode::bad_request.
  // From the next request on, everybody concerned has the rights he then has (C-26).

  /// By address.
  awaitable<Result<Listing<UserView>>> users(PageInput page);
  /// At most 20 whose name or address holds the text; by address.
  awaitable<Result<std::vector<FoundUser>>> search_users(std::string text);
  awaitable<Result<Profile>> current_profile(UserId user);
  /// With a password, a verified address and role `users`. ErrorCode::conflict for an address somebody has.
  awaitable<Result<UserId>> create_user(Actor actor, CreateUser input);
  /// With sessions, accounts and roles; publishes UserDeleted. Administrators cannot be deleted.
  awaitable<Result<void>> delete_user(Actor actor, std::string id);
  /// These roles and no others. The last administrator stays one: ErrorCode::conflict.
  awaitable<Result<void>> update_user_roles(Actor actor, UpdateUserRoles input);
  /// A new address needs the present password, is not verified, ends all sessions but `session`, and is told (EmailChanged).
  awaitable<Result<void>> update_profile(Actor actor, std::optional<SessionId> session, UpdateCurrentUser input);

  /// Those seeded first, then by name.
  awaitable<Result<std::vector<RoleView>>> roles();
  awaitable<Result<std::vector<RuleView>>> declared_rules();
  awaitable<Result<void>> create_role(Actor actor, CreateRole input);
  /// Names and descriptions may always change. A default rule taken from `users` or `anonymous` stays away, until it is given back.
  awaitable<Result<void>> update_role(Actor actor, UpdateRole input);
  awaitable<Result<void>> delete_role(Actor actor, std::string id);

  /// By age.
  awaitable<Result<Listing<ApplicationView>>> list_applications(PageInput page);
  /// With role `applications`.
  awaitable<Result<CreatedApplication>> create_application(Actor actor, CreateApplication input);
  awaitable<Result<void>> update_application(Actor actor, UpdateApplication input);
  awaitable<Result<void>> delete_application(Actor actor, std::string id);
  /// As rotate_application(): whoever gets the new key must hold what it opens.
  awaitable<Result<NewSecret>> renew_secret(Actor actor, std::string id, std::chrono::hours keep);
  /// As revoke_application() of the console.
  awaitable<Result<void>> revoke_application(Actor actor, std::string id);
  /// The keys that open something and whose rules the user holds too; by age, at most kListed.
  awaitable<Result<std::vector<BindableApplication>>> bindable_applications(UserId user, bool with_rules);

  awaitable<Result<Registration>> registration();
  awaitable<Result<void>> set_registration(Actor actor, bool allow);
  /// Whether somebody may make himself an account now: ErrorCode::forbidden before onboarding, and while registration is off. Inside the transaction
  /// that makes the account.
  Result<void> may_sign_up(sql::Session& session) const;

  static SchemaView registration_schema();

  // How people sign in: with a password, and for now in no other way, which is why it cannot be switched off.
  static std::vector<EnabledStrategy> enabled_strategies();
  static std::vector<StrategyView> strategies();
  /// ErrorCode::not_found for an unknown strategy, ErrorCode::conflict for the last one switched off.
  awaitable<Result<void>> update_strategy(Actor actor, UpdateStrategy input);

  /// Newest first; page and total are of one snapshot.
  awaitable<Result<AuditPage>> audit_log(GetAuditLog input);

  /// For other domains, inside their transactions.
  /// Writes down who changed settings of theirs.
  void note(Change& change, const AuditEntry& entry) const { store::audit(change.sql(), entry, change.now()); }
  std::optional<UserSummary> find_user(sql::Session& session, UserId user) const;
  std::vector<UserId> existing(sql::Session& session, std::span<const UserId> users) const;
  /// Those who hold the rule, as a visitor at least; by id.
  std::vector<UserId> holding(sql::Session& session, std::span<const UserId> users, std::string_view rule) const;
  /// Those that exist, by id, in one statement.
  std::vector<UserSummary> find_users(sql::Session& session, std::span<const UserId> users) const;

  const CookieSigner& cookies() const noexcept { return cookies_; }

 private:
  /// What a session's token stands for; kept in the cache, where nothing at all is kept too.
  struct Known {
    access::PrincipalPtr principal;
    Timestamp expires_at;
    bool has_second_factor = false;
    friend std::size_t size_in_bytes(const Known& known) { return sizeof(Known) + (known.principal == nullptr ? 0 : size_in_bytes(*known.principal)); }
  };
  /// The same of an application. Its ends are judged at each read.
  struct KnownApplication {
    access::PrincipalPtr principal;
    std::optional<Timestamp> expires_at;
    std::vector<Secret> secrets;
    friend std::size_t size_in_bytes(const KnownApplication& known) {
      std::size_t size = sizeof(KnownApplication) + (known.principal == nullptr ? 0 : size_in_bytes(*known.principal));
      for (const auto& secret : known.secrets) size += sizeof secret + secret.hash.capacity();
      return size;
    }
  };
  /// What follows from the text of an API key.
  struct SeenKey {
    ApplicationId application;
    cache::Key cached_under;
    std::string secret_hash;
  };
  /// A user whose password was shown, and what of it is stored.
  struct Verified {
    User user;
    std::string stored;
    std::optional<std::string> rehashed;  ///< to be stored in its place
  };
  /// Who has this address and this password: ErrorCode::unauthorized alike for everybody else, after the same work. Counts against the address and the
  /// client's network until password_shown() or somebody else takes it back; ErrorCode::too_many_requests.
  ///
  /// @param action  what a wrong one is audited as; empty: by the caller
  awaitable<Result<Verified>> verify_password(std::string email, std::string password, std::string address, std::string action);
  static void password_shown(Change& change, const User& user, const std::string& address);
  /// Counts one try at an account from a client's network before it is made.
  static Result<void> count_attempt(Change& change, const std::string& email, const std::string& address);
  /// Takes the last try back, so that the next may follow at once.
  static void lift_pause(Change& change, const User& user, const std::string& address);
  std::string begin_challenge(Change& change, const UserId& user, bool remember) const;
  /// Whether a code is right; it is used up.
  Result<bool> takes(Change& change, const store::SecondFactor& factor, const FactorCode& code) const;
  void drop_second_factor(Change& change, const UserId& user, const std::string& actor, const std::string& address) const;
  /// Stores a new password and ends what the one before opened: sessions but one, links, sign-ins under way, counted failures.
  void put_password(Change& change, const User& user, const std::string& hash, const std::optional<SessionId>& but) const;
  /// Tells the user that he has another password. Not from the console: where no server runs, nobody takes events.
  static Result<void> tell_of_password(Change& change, const User& user);
  SignedIn begin_session(Change& change, User user, bool remember, const std::string& address, const std::string& user_agent) const;
  void end_sessions(Change& change, const UserId& user, const std::optional<SessionId>& but) const;
  /// The hash of a new password that passes the policy.
  awaitable<Result<std::string>> hash_password(std::string fresh);
  awaitable<Result<access::PrincipalPtr>> identify_bearer(std::string key);
  awaitable<Result<access::PrincipalPtr>> identify_session(std::string token_hash);
  /// Whom a session that is known makes of its holder now: nobody once it has ended; ErrorCode::forbidden without a second factor that is demanded.
  Result<access::PrincipalPtr> admit(const Known& known) const;
  /// Whether a secret opens an application now.
  static bool opens(const KnownApplication& known, std::string_view secret_hash, Timestamp now);
  awaitable<void> touch(ApplicationId application, Timestamp now);
  static Known principal_of(sql::Session& session, const std::string& token_hash);
  static KnownApplication application_of(sql::Session& session, const ApplicationId& id);
  Result<void> revoke(Change& change, const ApplicationId& id) const;
  Result<void> rotate(Change& change, const ApplicationId& id, std::chrono::hours keep, const std::string& secret) const;
  Result<UserId> insert_admin(Change& change, const std::string& name, const Email& email, const std::string& password_hash, const std::string& actor,
                              const std::string& address) const;

  /// A change with its row in the audit log: `done` in the same transaction, or in one of its own when it was refused.
  template <class F, class R = std::invoke_result_t<F&, Change&>>
  awaitable<R> audited(AuditEntry entry, F f) {
    R done = co_await changes_.run([entry, f = std::move(f)](Change& change) mutable -> R {
      R result = f(change);
      if (result) store::audit(change.sql(), entry, change.now());
      return result;
    });
    if (!done && (done.error().code == ErrorCode::forbidden || done.error().code == ErrorCode::conflict)) {
      entry.outcome = "refused";
      co_await changes_.run([entry = std::move(entry)](Change& change) { store::audit(change.sql(), entry, change.now()); });
    }
    co_return done;
  }
  /// What the actor holds now.
  static access::RuleSet held_by(sql::Session& session, const Actor& actor);
  /// Nobody hands on what he does not hold.
  static Result<void> within(const access::RuleSet& held, const std::vector<std::string>& rules);
  /// The roles, all of them there and fit for this holder; `own` is his key when the holder is one.
  static Result<void> judge_roles(sql::Session& session, const std::vector<std::string>& roles, const std::optional<ApplicationId>& own);
  /// All of them declared; `field` is what an Error is about.
  static Result<void> judge_rules(sql::Session& session, const std::vector<std::string>& rules, std::string_view field);
  /// Everybody's rights are read anew, and those of `users` told to whoever listens for them.
  void drop_rights(Change& change, std::vector<UserId> users) const;
  /// The same for one user.
  void drop_user(Change& change, const UserId& user) const;

  coherence::Target session_key(const std::string& token_hash) const;
  coherence::Target application_key(const ApplicationId& id) const;

  sql::Database& database_;
  Changes& changes_;
  const settings::Store& settings_;
  crypto::PasswordHasher& passwords_;
  const crypto::Keyring& keyring_;
  async::TaskScope& scope_;
  const Clock& clock_;
  CookieSigner cookies_;
  Options options_;
  coherence::Scope cache_;
  std::set<std::string> visitors_use_;
  VerifiedCredentials<cache::Key> sessions_;  // by the value of the cookie; what its session is cached under
  VerifiedCredentials<SeenKey> keys_;
  std::map<ApplicationId, Timestamp> last_touched_;  // bounded: one entry an application that was used
};

}  // namespace watchbell::auth
