#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json.hpp>

#include "base/clock.hpp"
#include "base/fault.hpp"
#include "domains/notification/channels/channel.hpp"
#include "domains/notification/channels/http_verdict.hpp"
#include "platform/http_client/client.hpp"

namespace watchbell::notification::channels {

/// The request of one try; or what is missing for one, for a person.
using Request = std::expected<http::ClientRequest, std::string>;

/// The record type of settings. Those with more to judge than each member by itself have `Result<void> judge() const`.
template <class T>
const settings::RecordType& record_type() {
  if constexpr (requires(const T& value) { value.judge(); }) {
    static const settings::RecordType type(rpc::schema_of<T>(), [](std::string_view json) -> Result<void> {
      const auto value = rpc::from_json<T>(json);
      return value ? value->judge() : std::unexpected(value.error());
    });
    return type;
  } else {
    return settings::type_of<T>();
  }
}

/// A channel that is one HTTP exchange: what differs is where it goes, what it says and what the answer means. Loop-only, but for what does not suspend.
/// @tparam Admin, User  described settings
template <class Admin, class User>
class HttpChannel : public Channel {
 public:
  using AdminConfig = Admin;
  using UserConfig = User;

  const settings::RecordType& admin_config() const final { return record_type<Admin>(); }
  const settings::RecordType& user_config() const final { return record_type<User>(); }

  std::optional<std::string> contact(std::string_view user_config) const final {
    const auto user = rpc::from_json<User>(user_config);
    return user ? contact_of(*user) : std::nullopt;
  }

  std::vector<std::string> hosts(std::string_view admin_config, std::string_view user_config) const final {
    const auto admin = rpc::from_json<Admin>(admin_config);
    const auto user = rpc::from_json<User>(user_config);
    return {admin && user ? rules::host_of(server(*admin, *user)) : std::string()};
  }

  awaitable<rules::Verdict> send(Outgoing outgoing, std::string admin_config, std::string user_config) const final {
    auto composed = request(outgoing, read<Admin>(admin_config), read<User>(user_config), clock_.now());
    if (!composed) co_return rules::Verdict::refused(std::move(composed.error()));
    const auto result = co_await client_.send(std::move(*composed));
    co_return result ? judge_answer(*result, clock_.now()) : judge(result, clock_.now());
  }

  /// The request of one try at `now`.
  virtual Request request(const Outgoing& outgoing, const Admin& admin, const User& user, Timestamp now) const = 0;
  /// What an answer means.
  virtual rules::Verdict judge_answer(const http::ClientResponse& answer, Timestamp now) const { return judge(answer, now); }

 protected:
  HttpChannel(Traits traits, http::Client& client, const Clock& clock) : Channel(std::move(traits)), client_(client), clock_(clock) {}
  virtual std::optional<std::string> contact_of(const User& user) const = 0;
  /// A URL of the host that is going to be asked; empty when there is none.
  virtual std::string server(const Admin& admin, const User& user) const = 0;
  /// Stored settings were judged when they were written and again when they were opened.
  template <class T>
  T read(std::string_view json) const {
    auto value = rpc::from_json<T>(json);
    if (!value) throw Fault("settings of the channel " + id() + " do not fit their type");
    return std::move(*value);
  }

 private:
  http::Client& client_;
  const Clock& clock_;
};

/// A POST of JSON, bounded in time and in what is read of the answer.
http::ClientRequest post(std::string url, const boost::json::value& body);
void authorize(http::ClientRequest& request, std::string_view bearer);

/// The base without the slash it may end in, and the path behind it.
std::string joined(std::string_view base, std::string_view path);

/// What stands at the pointer (RFC 6901) in a JSON answer, if it is that.
std::optional<boost::json::value> member_of(std::string_view json, std::string_view pointer);

/// The verdict with what the provider said of it, a text at the pointer of its JSON answer, cut to 200 bytes. Only for hosts that no user chooses: whoever
/// does could read here what is not meant for him.
rules::Verdict explained(rules::Verdict verdict, const http::ClientResponse& answer, std::string_view pointer);

/// The verdict with the seconds at the pointer of a JSON answer as what the receiver asked for, unless a header said so.
rules::Verdict timed(rules::Verdict verdict, const http::ClientResponse& answer, std::string_view pointer);

}  // namespace watchbell::notification::channels
