#pragma once

#include <string>

#include "async/pause.hpp"
#include "runtime/change/change.hpp"
#include "runtime/rpc/dispatcher.hpp"
#include "runtime/rpc/front.hpp"

namespace watchbell::http {
class Client;
}
namespace watchbell::mail {
class SmtpClient;
}
namespace watchbell::settings {
class Store;
}
namespace watchbell::crypto {
class PasswordHasher;
}
namespace watchbell::workers {
class Workers;
}

namespace watchbell {

/// What a domain's module is built from: the parts of the runtime, all of which outlive it. A module takes the whole and hands its service only what
/// that needs.
struct Runtime {
  async::Loop& loop;
  async::TimerWheel& wheel;
  const Clock& clock;
  async::TaskScope& scope;            ///< for tasks that live as long as the server; stopped before anything here ends
  async::PausePoints& pauses;
  sql::Database& database;
  coherence::Memory& cache;
  jobs::Queue& queue;
  events::Bus& bus;
  signals::Hub& hub;                  ///< domains announce through a Change; here they say how payloads are read
  Changes& changes;
  coherence::Cluster* cluster;        ///< the other processes of this database; null where there can be none
  workers::Workers* workers;          ///< which of them does what; null as well
  rpc::Dispatcher& dispatcher;
  rpc::Front& front;
  const crypto::Keyring& keyring;
  crypto::PasswordHasher& passwords;
  settings::Store& settings;          ///< modules declare their records when they mount
  http::Client& http;
  mail::SmtpClient& mail;
  std::string base_url;               ///< no trailing slash
};

}  // namespace watchbell
