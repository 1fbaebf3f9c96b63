#pragma once

#include <map>
#include <span>

#include "domains/auth/credentials.hpp"
#include "domains/auth/store.hpp"
#include "domains/auth/types.hpp"
#include "platform/crypto/password.hpp"
#include "runtime/access/principal.hpp"
#include "runtime/change/change.hpp"

namespace watchbell::auth {

/// A sign-in that succeeded.
struct SignedIn {
  User user;
  Session session;
  std::string token;
};

/// The session of a request with its user.
struct Current {
  User user;
  Session session;
  std::string token;
  bool extended = false;  ///< its end was moved: the cookie is to be set again
};

/// What an application is made from.
struct ApplicationInput {
  std::string name;                              ///< 1 to 100 characters
  std::vector<std::string> rules;
  std::optional<std::chrono::hours> life = {};   ///< for ever when not given
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

/// The use cases of auth, and the identity behind every request. Loop-only.
class Service final : public access::Identity {
 public:
  struct Options {
    std::optional<std::string> setup_token;  ///< asked of remote onboarding; none is made up here
    bool listening_on_loopback = true;
    bool behind_proxy = false;
  };
  Service(sql::Database& database, cache::Cache& cache, Changes& changes, crypto::PasswordHasher& passwords, async::TaskScope& scope, const Clock& clock,
          CookieSigner cookies, Options options);

  // access::Identity
  awaitable<Result<access::PrincipalPtr>> identify(access::Credentials credentials) override;
  awaitable<Result<access::RuleSetPtr>> anonymous_rules() override;

  /// Seeds the roles and makes the stored rules those declared; at every start, before routes open.
  awaitable<Result<void>> sync(std::vector<access::Rule> rules);

  awaitable<Result<bool>> needs_onboarding();
  /// Whether onboarding asks this request for the setup token.
  bool asks_setup_token(bool forwarded) const;
  // Names are trimmed; a blank one is ErrorCode::bad_request.

  /// Makes the first administrator. ErrorCode::forbidden once there is a user, and for a wrong setup token.
  awaitable<Result<void>> complete_onboarding(std::string name, Email email, std::string password, std::optional<std::string> setup_token, bool forwarded,
                                              std::string address);
  /// Another administrator, from the console.
  awaitable<Result<UserId>> create_admin(std::string name, Email email, std::string password);
  /// ErrorCode::unauthorized for an unknown address and for a wrong password alike, after the same work.
  awaitable<Result<SignedIn>> sign_in(Email email, std::string password, bool remember, std::string address, std::string user_agent);
  /// Ends the session of a cookie header; nothing happens without one.
  awaitable<Result<void>> sign_out(std::string cookie, std::string address);
  /// The session of a cookie header, extended when it is due; nothing without one.
  awaitable<Result<std::optional<Current>>> current_session(std::string cookie);
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

  /// For other domains, inside their transactions.
  std::optional<UserSummary> find_user(sql::Session& session, UserId user) const;
  std::vector<UserId> existing(sql::Session& session, std::span<const UserId> users) const;

  const CookieSigner& cookies() const noexcept { return cookies_; }

 private:
  /// What a session's token stands for; kept in the cache, where nothing at all is kept too.
  struct Known {
    access::PrincipalPtr principal;
    Timestamp expires_at;
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
  awaitable<Result<access::PrincipalPtr>> identify_bearer(std::string key);
  awaitable<Result<access::PrincipalPtr>> identify_session(std::string token_hash);
  awaitable<void> touch(ApplicationId application, Timestamp now);
  static Known principal_of(sql::Session& session, const std::string& token_hash);
  Result<UserId> insert_admin(Change& change, const std::string& name, const Email& email, const std::string& password_hash, const std::string& actor,
                              const std::string& address) const;

  coherence::Target session_key(const std::string& token_hash) const;
  coherence::Target application_key(const ApplicationId& id) const;

  sql::Database& database_;
  Changes& changes_;
  crypto::PasswordHasher& passwords_;
  async::TaskScope& scope_;
  const Clock& clock_;
  CookieSigner cookies_;
  Options options_;
  coherence::Scope cache_;
  std::map<ApplicationId, Timestamp> last_touched_;  // bounded: one entry an application that was used
};

}  // namespace watchbell::auth
