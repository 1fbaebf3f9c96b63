#include "runtime/signals/relay.hpp"

#include <algorithm>

#include "async/loop.hpp"
#include "async/raised_flag.hpp"
#include "base/text.hpp"
#include "platform/log/log.hpp"

namespace watchbell::signals {
namespace {

constexpr std::string_view kTopic = "signals";
/// Names that others may make up are kept for the log.
constexpr std::size_t kMostUnknown = 64;

}  // namespace

struct Relay::Draining : async::RaisedFlag {
  using RaisedFlag::RaisedFlag;
};

Relay::Relay(async::TaskScope& scope, Hub& hub, coherence::Cluster& cluster, Options options)
    : scope_(scope), hub_(hub), cluster_(cluster), options_(options) {
  cluster_.listen(std::string(kTopic), {.heard = [this](std::string_view text) { hear(text); }, .lost = [this] { lose(); }});
}

void Relay::declare(const std::vector<Declared>& signals) {
  for (const auto& signal : signals) {
    const bool first = declared_.emplace(std::string(signal.id), signal).second;
    WATCHBELL_ASSERT(first);
  }
}

void Relay::emit(Signals signals) {
  WATCHBELL_ASSERT_ON_LOOP();
  outgoing_bytes_ += signals.bytes;
  outgoing_.push_back(std::move(signals));
  if (outgoing_bytes_ <= options_.waiting_bytes_max) return begin();
  // Rather than grow: the bus sends slower than changes speak. What is behind them all is to be read anew, here and everywhere.
  ++statistics_.lost;
  outgoing_.clear();
  outgoing_bytes_ = 0;
  signal_ = user_ = 0;
  text_.clear();
  append_line(text_, Line::Kind::refetch, {}, {}, {});
  flush();
  hub_.refetch();
}

void Relay::hear(std::string_view text) {
  ++statistics_.heard;
  incoming_bytes_ += text.size();
  incoming_.emplace_back(text);
  if (text.size() > kMostOfText || incoming_bytes_ > options_.waiting_bytes_max) return lose();
  begin();
}

// What waits was said before: whoever is to refetch need not hear it.
void Relay::lose() {
  ++statistics_.lost;
  incoming_.clear();
  incoming_bytes_ = 0;
  read_ = 0;
  hub_.refetch();
}

void Relay::begin() {
  // Not a single line is promised: many small emissions of one turn must not add up to a large one.
  if (!draining_ && !working_ && !work(false)) scope_.spawn("signals.relay", drain(Draining(draining_)));
}

awaitable<void> Relay::drain(Draining /*marks the end*/) {
  do co_await hub_.budget().next_turn();
  while (!work(true));
}

bool Relay::work(bool in_any_case) {
  working_ = true;
  struct Ended {
    bool& flag;
    ~Ended() { flag = false; }
  } const ended{working_};
  promised_ = in_any_case;
  const bool sent = send();
  promised_ = in_any_case;
  return receive() && sent;
}

bool Relay::room() {
  if (!hub_.budget().take() && !promised_) return false;
  promised_ = false;
  return true;
}

bool Relay::send() {
  while (!outgoing_.empty()) {
    const bool whole = write(outgoing_.front());
    flush();
    if (!whole) return false;
    Signals signals = std::move(outgoing_.front());
    outgoing_.pop_front();
    outgoing_bytes_ -= signals.bytes;
    signal_ = 0;
    hub_.emit(hub_.place(), std::move(signals));  // at the end: a socket may come back to us
  }
  return true;
}

bool Relay::write(const Signals& signals) {
  for (; signal_ < signals.list.size(); ++signal_, user_ = 0) {
    const Signal& signal = signals.list[signal_];
    const auto kind = signal.kind == Kind::rights ? Line::Kind::rights
                      : signal.kind == Kind::read ? Line::Kind::read
                      : signal.to_all             ? Line::Kind::all
                                                  : Line::Kind::users;
    // The bus takes nothing but UTF-8, and neither do browsers.
    const bool goes = signal.payload.size() <= hub_.payload_limit() && is_utf8(signal.payload);
    const std::string_view body = goes ? std::string_view(signal.payload) : std::string_view();
    if (kind == Line::Kind::all) {
      if (!room()) return false;
      append_line(text_, kind, signal.id, {}, body);
    } else {
      while (user_ < signal.users.size()) {
        if (!room()) return false;
        const auto some = std::span(signal.users).subspan(user_, std::min(kMostOfLine, signal.users.size() - user_));
        for (std::size_t i = 1; i < some.size(); ++i) hub_.budget().take();  // each counts
        append_line(text_, kind, signal.id, some, body);
        user_ += some.size();
        if (text_.size() >= options_.text_bytes) flush();
      }
    }
    if (text_.size() >= options_.text_bytes) flush();
  }
  return true;
}

void Relay::flush() {
  if (text_.empty()) return;
  ++statistics_.told;
  cluster_.tell(kTopic, text_);
  text_.clear();
}

bool Relay::receive() {
  Signals signals;
  bool whole = true;
  while (!incoming_.empty()) {
    std::string_view rest = incoming_.front();
    rest.remove_prefix(read_);
    if (rest.empty()) {
      incoming_bytes_ -= incoming_.front().size();
      incoming_.pop_front();
      read_ = 0;
      continue;
    }
    if (!room()) {
      whole = false;
      break;
    }
    const auto line = take_line(rest);
    if (!line || !accept(*line, signals)) {
      if (!std::exchange(unreadable_, true)) log::warn("another process told of signals in a way that this one does not read; pages read everything anew");
      lose();
      break;
    }
    for (std::size_t i = 1; i < line->users.size(); ++i) hub_.budget().take();
    read_ = incoming_.front().size() - rest.size();
  }
  if (!signals.list.empty()) hub_.emit(hub_.place(), std::move(signals));
  return whole;
}

const Declared* Relay::declared(std::string_view id) {
  const auto found = declared_.find(id);
  if (found != declared_.end()) return &found->second;
  ++statistics_.unknown;
  if (unknown_.size() < kMostUnknown && unknown_.emplace(id).second)
    log::warn("a signal of another process is not said here: this one does not have it", {{"signal", id}});
  return nullptr;
}

bool Relay::accept(const Line& line, Signals& signals) {
  if (line.kind == Line::Kind::refetch) {
    ++statistics_.lost;
    hub_.refetch();
    return true;
  }
  std::vector<UserId> here;
  std::ranges::copy_if(line.users, std::back_inserter(here), [this](const UserId& user) { return hub_.online(user); });
  if (here.empty() && !line.users.empty()) return true;
  if (line.kind == Line::Kind::rights) {
    signals.add(rights_changed(std::move(here)));
    return true;
  }
  const Declared* const signal = declared(line.id);
  if (signal == nullptr || hub_.sockets() == 0) return true;
  const bool read = line.kind == Line::Kind::read;
  // What is read here nobody else makes up.
  if (read != hub_.reads(signal->id) || (!read && !is_payload(line.body))) return false;
  signals.add({.id = signal->id,
               .audience = signal->audience,
               .payload = std::string(line.body),
               .to_all = line.kind == Line::Kind::all,
               .users = std::move(here),
               .kind = read ? Kind::read : Kind::message});
  return true;
}

}  // namespace watchbell::signals
