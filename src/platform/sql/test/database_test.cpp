// What holds of SQLite alone; the rest stands in database_suite.cpp.
#include "platform/sql/database.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/sql/test/database_fixture.hpp"
#include "platform/sql/test/temporary_folder.hpp"
#include "platform/sql/testing.hpp"
#include "tests/support/co_test.hpp"

namespace watchbell::sql {
namespace {

using test::TemporaryFolder;
using test::Fixture;
using test::Gate;
using test::insert;
using test::inserting;
using test::kEndless;
using test::kNames;
using test::names;
using test::until_waiting;
using test::write_into;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

CO_TEST(SqlDatabase, sessions_are_counted_by_what_they_do) {
  Fixture f(loop, {.readers = 2});
  Gate reading, writing;
  f.tasks.spawn("read", [](Database& db, Gate& gate) -> awaitable<void> { static_cast<void>(co_await db.read([&gate](Session&) { gate.hold(); })); }(*f.db, reading));
  f.tasks.spawn("write", [](Database& db, Gate& gate) -> awaitable<void> { static_cast<void>(co_await db.write([&gate](Session&) { gate.hold(); })); }(*f.db, writing));
  co_await reading.held(loop);
  co_await writing.held(loop);
  EXPECT_EQ(f.db->sessions().busy, 2u);
  EXPECT_EQ(f.db->sessions().idle, 1u);
  reading.open();
  writing.open();
  while (f.db->sessions().busy > 0) co_await asio::post(loop.executor(), use_awaitable);
  EXPECT_EQ(f.db->sessions().idle, 3u);
  co_await f.tasks.stop();
  co_await f.db->close();
}

CO_TEST(SqlDatabase, one_of_three_in_a_group_fails_and_two_commit) {
  Fixture f(loop);
  Gate gate;
  f.tasks.spawn("holder", [](Fixture& fixture, Gate& g) -> awaitable<void> {
    static_cast<void>(co_await fixture.db->write([&](Session&) { g.hold(); }));
  }(f, gate));
  co_await gate.held(loop);
  std::array<std::string, 5> outcomes;
  f.tasks.spawn("1", write_into(*f.db, inserting("ann"), outcomes[0]));
  f.tasks.spawn("2", write_into(*f.db, [](Session& session) -> Result<void> {
                  insert(session, "bob");
                  return fail(ErrorCode::conflict, "no");
                }, outcomes[1]));
  f.tasks.spawn("3", write_into(*f.db, [](Session& session) -> Result<void> {
                  insert(session, "cid");
                  insert(session, "ann");
                  return {};
                }, outcomes[2]));
  f.tasks.spawn("4", write_into(*f.db, inserting("dan"), outcomes[3]));
  f.tasks.spawn("5", write_into(*f.db, [](Session& session) -> Result<void> {
                  // A deferred key is judged at the end of its own write, not by the COMMIT of all.
                  session.execute("insert into names (name, parent) values ('eve', 'nobody')");
                  return {};
                }, outcomes[4]));
  co_await until_waiting(f, 5);
  const auto commits = f.db->counters().commits;
  gate.open();
  co_await f.tasks.join();
  EXPECT_THAT(outcomes, ElementsAre("kept", "CONFLICT", "unique_violation", "kept", "foreign_key"));
  EXPECT_EQ(f.db->counters().commits, commits + 2) << "the holder's and the group's";
  EXPECT_THAT(*co_await f.db->read(names), ElementsAre("ann", "dan"));
  co_await f.db->close();
}

CO_TEST(SqlDatabase, a_group_runs_again_when_one_of_it_is_undone_and_the_others_are_kept_once) {
  Fixture f(loop);
  Gate gate;
  f.tasks.spawn("holder", [](Fixture& fixture, Gate& g) -> awaitable<void> {
    static_cast<void>(co_await fixture.db->write([&](Session&) { g.hold(); }));
  }(f, gate));
  co_await gate.held(loop);
  std::array<std::atomic<int>, 3> runs{};
  std::array<std::string, 3> outcomes;
  const auto counted = [&](std::size_t n, std::string name, bool keep) {
    f.tasks.spawn(name, write_into(*f.db, [&runs, n, name, keep](Session& session) -> Result<void> {
                    ++runs[n];
                    insert(session, name);
                    if (!keep) return fail(ErrorCode::conflict, "no");
                    return {};
                  }, outcomes[n]));
  };
  counted(0, "ann", true);
  counted(1, "bob", false);
  counted(2, "cid", true);
  co_await until_waiting(f, 3);
  gate.open();
  co_await f.tasks.join();
  EXPECT_THAT(outcomes, ElementsAre("kept", "CONFLICT", "kept"));
  EXPECT_EQ(runs[0], 2) << "it was undone with the one behind it";
  EXPECT_EQ(runs[1], 2);
  EXPECT_EQ(runs[2], 1) << "the first run did not come so far";
  EXPECT_THAT(*co_await f.db->read(names), ElementsAre("ann", "cid"));
  co_await f.db->close();
}

CO_TEST(SqlDatabase, writes_that_wait_together_share_a_commit) {
  Fixture f(loop, {.max_group = 100});
  std::vector<std::string> outcomes(1000);
  for (std::size_t i = 0; i < outcomes.size(); ++i) f.tasks.spawn("write", write_into(*f.db, inserting(std::to_string(i)), outcomes[i]));
  co_await f.tasks.join();
  EXPECT_THAT(outcomes, ::testing::Each("kept"));
  EXPECT_EQ(f.db->counters().writes, 1000u);
  EXPECT_LT(f.db->counters().commits, 500u);
  EXPECT_GE(f.db->counters().commits, 10u) << "a group is bounded";
  EXPECT_EQ(co_await f.db->read([](Session& session) { return *session.one<std::int64_t>("select count(*) from names"); }), 1000);
  co_await f.db->close();
}

CO_TEST(SqlDatabase, a_group_commits_early_after_a_long_member) {
  Fixture f(loop, {.statement_deadline = std::chrono::milliseconds(50)});
  Gate gate;
  f.tasks.spawn("holder", [](Fixture& fixture, Gate& g) -> awaitable<void> {
    static_cast<void>(co_await fixture.db->write([&](Session&) { g.hold(); }));
  }(f, gate));
  co_await gate.held(loop);
  std::array<std::string, 2> outcomes;
  f.tasks.spawn("1", write_into(*f.db, [](Session& session) -> Result<void> {
                  insert(session, "ann");
                  try {
                    session.one<std::int64_t>(kEndless);  // an interrupted read costs time and nothing else
                  } catch (const Fault&) {
                  }
                  return {};
                }, outcomes[0]));
  f.tasks.spawn("2", write_into(*f.db, inserting("bob"), outcomes[1]));
  co_await until_waiting(f, 2);
  const auto commits = f.db->counters().commits;
  gate.open();
  co_await f.tasks.join();
  EXPECT_THAT(outcomes, ElementsAre("kept", "kept"));
  EXPECT_EQ(f.db->counters().commits, commits + 3);
  co_await f.db->close();
}

CO_TEST(SqlDatabase, a_write_that_loses_the_transaction_takes_nobody_with_it) {
  Fixture f(loop, {.statement_deadline = std::chrono::milliseconds(50)});
  Gate gate;
  f.tasks.spawn("holder", [](Fixture& fixture, Gate& g) -> awaitable<void> {
    static_cast<void>(co_await fixture.db->write([&](Session&) { g.hold(); }));
  }(f, gate));
  co_await gate.held(loop);
  std::array<std::string, 4> outcomes;
  int runs_of_first = 0;
  f.tasks.spawn("1", write_into(*f.db, [&](Session& session) -> Result<void> {
                  ++runs_of_first;
                  insert(session, "ann");
                  return {};
                }, outcomes[0]));
  // SQLite answers an interrupted write by rolling the whole transaction back.
  constexpr auto kEndlessInsert = "with recursive n(x) as (select 1 union all select x + 1 from n) insert into names (name) select cast(x as text) from n";
  f.tasks.spawn("2", write_into(*f.db, [](Session& session) -> Result<void> {
                  session.execute(kEndlessInsert);
                  return {};
                }, outcomes[1]));
  f.tasks.spawn("3", write_into(*f.db, [](Session& session) -> Result<void> {
                  try {
                    session.execute(kEndlessInsert);
                  } catch (const Fault&) {  // and hides it: then its own answer cannot stand
                  }
                  return {};
                }, outcomes[2]));
  f.tasks.spawn("4", write_into(*f.db, inserting("dan"), outcomes[3]));
  co_await until_waiting(f, 4);
  gate.open();
  co_await f.tasks.join();
  EXPECT_THAT(outcomes, ElementsAre("kept", "interrupted", "other", "kept"));
  EXPECT_GE(runs_of_first, 2);
  EXPECT_THAT(*co_await f.db->read(names), ElementsAre("ann", "dan"));
  co_await f.db->close();
}

CO_TEST(SqlDatabase, a_database_in_memory_is_one_for_its_reads_and_writes) {
  SystemClock clock;
  async::TimerWheel wheel(loop.executor(), clock);
  const auto db = testing::memory_database(loop, wheel, kNames);
  const auto other = testing::memory_database(loop, wheel, kNames);
  EXPECT_TRUE(co_await db->write(inserting("ann")));
  EXPECT_THAT(*co_await db->read(names), ElementsAre("ann"));
  EXPECT_TRUE(co_await other->read(names));
  EXPECT_TRUE((co_await other->read(names))->empty());
  EXPECT_FALSE(co_await db->backup("unused"));
  co_await db->close();
  co_await other->close();
}

CO_TEST(SqlDatabase, the_log_is_written_back_at_the_end) {
  const TemporaryFolder folder;
  Fixture f(loop, {.url = folder.file("a.db")});
  EXPECT_TRUE(co_await f.db->write(inserting("ann")));
  EXPECT_TRUE(std::filesystem::exists(folder.file("a.db-wal")));
  co_await f.db->close();
  EXPECT_FALSE(std::filesystem::exists(folder.file("a.db-wal")));
}

CO_TEST(SqlDatabase, a_read_may_not_write_in_memory_either) {
  Fixture f(loop, {.url = ":memory:"});
  std::string kind;
  try {
    static_cast<void>(co_await f.db->read([](Session& session) { return insert(session, "ann"); }));
  } catch (const Fault& fault) {
    kind = to_string(fault.kind());
  }
  EXPECT_EQ(kind, "schema");
  EXPECT_TRUE(co_await f.db->write(inserting("ann"))) << "the session is as before";
  co_await f.db->close();
}

CO_TEST(SqlDatabase, a_backup_holds_what_was_committed) {
  const TemporaryFolder folder;
  Fixture f(loop);
  const auto file = folder.file("copy.db");
  EXPECT_TRUE(co_await f.db->write(inserting("ann")));
  const auto made = co_await f.db->backup(file);
  EXPECT_TRUE(made) << made.error().message;
  EXPECT_TRUE(co_await f.db->write(inserting("bob")));
  struct stat status {};
  CO_ASSERT_EQ(::stat(file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  const std::array sets{&kNames};
  EXPECT_TRUE(Database::inspect(file, sets));
  {
    Fixture copy(loop, {.url = file});
    EXPECT_THAT(*co_await copy.db->read(names), ElementsAre("ann"));
    co_await copy.db->close();
  }
  const auto before = test::bytes_of(file);
  EXPECT_FALSE(co_await f.db->backup(file)) << "an existing file is never written over";
  EXPECT_EQ(test::bytes_of(file), before);
  EXPECT_FALSE(co_await f.db->backup(folder.file("absent/copy.db")));
  EXPECT_FALSE(std::filesystem::exists(file + ".part"));
  co_await f.db->close();
}

CO_TEST(SqlDatabase, what_cannot_be_opened_is_one_sentence) {
  SystemClock clock;
  async::TimerWheel wheel(loop.executor(), clock);
  const TemporaryFolder folder;
  test::write_bytes(folder.file("garbage.db"), std::string(5000, 'g'));
  for (const auto& [url, word] : std::vector<std::pair<std::string, std::string>>{{"sqlite:" + folder.file("absent/a.db"), "absent/a.db"},
                                                                                   {folder.file("garbage.db"), "damaged"},
                                                                                   {folder.file("a\"b.db"), "quotation mark"},
                                                                                   {folder.path().string(), "cannot be opened"},
                                                                                   {"sqlite:", "no path"},
                                                                                   {"postgresql://u:p@x@host/db", "of the form postgresql://"}}) {
    const auto opened = Database::open(loop, wheel, {.url = url});
    CO_ASSERT_TRUE(!opened);
    EXPECT_THAT(opened.error().message, HasSubstr(word));
    EXPECT_EQ(opened.error().message.find('\n'), std::string::npos);
  }
  EXPECT_EQ(test::bytes_of(folder.file("garbage.db")), std::string(5000, 'g'));
  co_return;
}

// A small file system of the child's own, so that the disk can be full. Runs as root or where user namespaces are allowed.
bool mount_small_disk(const std::string& folder) {
  const auto uid = ::getuid();
  const auto gid = ::getgid();
  if (uid == 0) {
    if (::unshare(CLONE_NEWNS) != 0) return false;
  } else {
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
    test::write_bytes("/proc/self/setgroups", "deny");
    test::write_bytes("/proc/self/uid_map", fmt::format("0 {} 1", uid));
    test::write_bytes("/proc/self/gid_map", fmt::format("0 {} 1", gid));
  }
  if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return false;
  return ::mount("tmpfs", folder.c_str(), "tmpfs", 0, "size=2m") == 0;
}

awaitable<void> fill_and_free(async::Loop& loop, const std::string& folder) {
  Fixture f(loop, {.url = folder + "/a.db"});
  EXPECT_TRUE(co_await f.db->write(inserting("ann")));
  // Fills what is left.
  const auto ballast = folder + "/ballast";
  {
    const int file = ::open(ballast.c_str(), O_WRONLY | O_CREAT, 0600);
    const std::string block(4096, 'x');
    while (::write(file, block.data(), block.size()) > 0) {
    }
    ::close(file);
  }
  // Small writes reach the disk only with their COMMIT, which then faults the whole group, its refusals too.
  Gate gate;
  f.tasks.spawn("holder", [](Fixture& fixture, Gate& g) -> awaitable<void> {
    static_cast<void>(co_await fixture.db->write([&](Session&) { g.hold(); }));
  }(f, gate));
  co_await gate.held(loop);
  std::array<std::string, 3> outcomes;
  f.tasks.spawn("1", write_into(*f.db, inserting("bob"), outcomes[0]));
  f.tasks.spawn("2", write_into(*f.db, inserting("cid"), outcomes[1]));
  f.tasks.spawn("3", write_into(*f.db, [](Session& session) -> Result<void> {
                  return names(session).size() > 1 ? Result<void>(fail(ErrorCode::conflict, "there is a bob")) : Result<void>();
                }, outcomes[2]));
  co_await until_waiting(f, 3);
  gate.open();
  co_await f.tasks.join();
  EXPECT_THAT(outcomes, ::testing::Each("full"));
  EXPECT_THAT(*co_await f.db->read(names), ElementsAre("ann"));
  const auto text_of = [](Database& db, auto body) -> awaitable<std::string> {
    try {
      static_cast<void>(co_await db.write(body));
    } catch (const Fault& fault) {
      co_return fault.what();
    }
    co_return "kept";
  };
  const auto small = co_await text_of(*f.db, inserting("bob"));
  EXPECT_THAT(small, HasSubstr("no space is left"));
  EXPECT_THAT(small, HasSubstr("in: commit"));
  // A large one is refused in its statement, and takes the transaction with it.
  const auto large = co_await text_of(*f.db, [](Session& session) -> Result<void> {
    session.execute("with recursive n(x) as (select 1 union all select x + 1 from n where x < 9000) insert into names (name) select x || :1 from n", std::string(400, 'y'));
    return {};
  });
  EXPECT_THAT(large, HasSubstr("no space is left"));
  EXPECT_THAT(large, HasSubstr("insert into"));
  EXPECT_THAT(*co_await f.db->read(names), ElementsAre("ann"));
  ::unlink(ballast.c_str());
  EXPECT_TRUE(co_await f.db->write(inserting("dan"))) << "works again once there is space";
  EXPECT_THAT(*co_await f.db->read(names), ElementsAre("ann", "dan"));
  co_await f.db->close();
  const std::array sets{&kNames};
  EXPECT_TRUE(Database::inspect(folder + "/a.db", sets));
}

TEST(SqlDatabase, a_full_disk_faults_its_writes_and_later_ones_work_again) {
  const TemporaryFolder folder;
  constexpr int kNoDisk = 77;
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    if (!mount_small_disk(folder.path().string())) ::_exit(kNoDisk);
    bool ended = false;
    try {
      async::Loop loop;
      ended = watchbell::test::run_on(loop, fill_and_free(loop, folder.path().string()));
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what();
    }
    ::_exit(ended && !::testing::Test::HasFailure() ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == kNoDisk) {
    const char* skip = std::getenv("WATCHBELL_TEST_SKIP");
    ASSERT_TRUE(skip && std::string_view(skip).contains("mount")) << "no mount namespace here; WATCHBELL_TEST_SKIP=mount leaves this test out";
    GTEST_SKIP() << "no mount namespace here";
  }
  EXPECT_EQ(WEXITSTATUS(status), 0) << "see the messages above";
}


}  // namespace
}  // namespace watchbell::sql
