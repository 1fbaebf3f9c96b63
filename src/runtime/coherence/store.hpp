#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.hpp"
#include "platform/sql/session.hpp"

namespace watchbell::coherence {

/// A running program, from its start to its end.
using ProcessId = Id<struct ProcessTag>;
/// One membership of it: from when it began to serve from memory until it stopped.
using MemberId = Id<struct MemberTag>;
using IntentId = Id<struct IntentTag>;

struct Member {
  MemberId id;
  ProcessId process;
  std::int64_t lease_no = 0;  ///< renewals so far
  bool operator==(const Member&) const = default;
};

struct Intent {
  IntentId id;
  ProcessId process;
  std::string targets;
  bool operator==(const Intent&) const = default;
};

}  // namespace watchbell::coherence

/// Rows of intents and members. Each throws sql::Fault.
namespace watchbell::coherence::store {

void join(sql::Session& session, const MemberId& member, const ProcessId& process, Timestamp now);
constexpr std::int64_t kFirstLease = 1;
/// Whether the row still stood with the number that was answered last. One that took effect unheard makes the next find none: two that count follow each other.
bool renew(sql::Session& session, const MemberId& member, std::int64_t known);
void leave(sql::Session& session, const MemberId& member);
/// Deletes the row unless it was renewed since it was seen with this number. Whether it is gone by this call.
bool fence(sql::Session& session, const MemberId& member, std::int64_t lease_no);
std::vector<Member> members(sql::Session& session);

/// The clock of a database that has one of its own.
std::optional<Timestamp> now_there(sql::Session& session);

void add(sql::Session& session, const IntentId& id, const ProcessId& process, std::string_view targets, Timestamp now);
/// The same of everything, by a process that is nobody yet: what is open so is carried out by those who live. Nothing where the tables are not there yet.
std::optional<IntentId> add_everything(sql::Session& session, Timestamp now);
/// Waits until the transaction that wrote it has ended, and has it there whether or not it was committed.
void decide(sql::Session& session, const IntentId& id, const ProcessId& process, std::string_view targets, Timestamp now);
void remove(sql::Session& session, const IntentId& id);
/// Those of other processes, by id; of `known` ones without their targets.
std::vector<Intent> open_intents(sql::Session& session, const ProcessId& but, const std::vector<IntentId>& known);
/// What one of them says; empty when it is gone.
std::string targets_of(sql::Session& session, const IntentId& id);

}  // namespace watchbell::coherence::store
