// The recorder writes what happened, the parser reads it back or says what is wrong with it.
#include <watchbell/cache/testing/checker.hpp>
#include <watchbell/cache/testing/history.hpp>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <mutex>
#include <sstream>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace watchbell::cache::testing {
namespace {

namespace fs = std::filesystem;

RecorderOptions counted(Flush flush = Flush::when_full) { return {.flush = flush, .clock = counting_clock(), .process = "p"}; }

/// What a recorder writes while `use` runs.
template <class Use>
std::string recorded(RecorderOptions options, Use use) {
  std::ostringstream out;
  Recorder recorder(out, std::move(options));
  use(recorder);
  recorder.close();
  return out.str();
}

History parsed(const std::string& text) {
  std::istringstream in(text);
  History history;
  read_history(in, "h", history);
  return history;
}

std::string error_of(const std::string& text) {
  try {
    parsed(text);
    return "none";
  } catch (const HistoryError& error) {
    return error.what();
  }
}

const std::string kHead = "watchbell-cache-history 1 buffered counter p\n";
const std::string kUnbufferedHead = "watchbell-cache-history 1 unbuffered counter p\n";

class HistoryFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "watchbell-history-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }
  fs::path folder_;
};

TEST(Recorder, writes_a_line_an_operation) {
  EXPECT_EQ(recorded(counted(),
                     [](Recorder& recorder) {
                       recorder.initial("row:7", 3);
                       auto change = recorder.begin_change("row:7");
                       auto read = recorder.begin_read("user 7");
                       read.saw("row:7", 3);
                       read.saw("", 1);
                       read.returned();
                       change.wrote(4);
                       change.returned();
                     }),
            kHead +
                "initial row:7 3\n"
                "read 1 2 3 user%207 row:7 3 % 1\n"
                "change 1 1 4 row:7 4\n"
                "end 3\n");
}

TEST(Recorder, writes_what_never_returned_as_open) {
  EXPECT_EQ(recorded(counted(),
                     [](Recorder& recorder) {
                       auto known = recorder.begin_change("a");
                       known.wrote(1);
                       auto unknown = recorder.begin_change("b");
                       auto read = recorder.begin_read("k");
                       read.saw("a", 0);
                     }),
            kHead +
                "read 1 3 - k a 0\n"
                "change 1 2 - b ?\n"
                "change 1 1 - a 1\n"
                "end 3\n");
}

TEST(Recorder, a_change_rolled_back_is_none) {
  const auto text = recorded(counted(), [](Recorder& recorder) {
    auto change = recorder.begin_change("a");
    change.wrote(1);
    change.rolled_back();
  });
  EXPECT_EQ(text, kHead + "change 1 1 - a -\nend 1\n");
  EXPECT_EQ(parsed(text).operations().size(), 0u);
}

TEST(Recorder, an_operation_moved_is_one_operation) {
  const auto text = recorded(counted(), [](Recorder& recorder) {
    auto read = recorder.begin_read("k");
    auto moved = std::move(read);
    moved.returned();
  });
  EXPECT_EQ(text, kHead + "read 1 1 2 k\nend 1\n");
}

TEST(Recorder, unbuffered_a_change_stands_there_before_it_happens) {
  std::ostringstream out;
  Recorder recorder(out, counted(Flush::each_operation));
  auto change = recorder.begin_change("a");
  EXPECT_EQ(out.str(), kUnbufferedHead + "change 1 1 - a ?\n");
  change.wrote(1);
  change.returned();
  EXPECT_EQ(out.str(), kUnbufferedHead + "change 1 1 - a ?\nchange 1 1 2 a 1\n");
  const auto history = parsed(out.str());
  ASSERT_EQ(history.operations().size(), 1u);
  EXPECT_EQ(history.operations()[0].returned, 2u);
}

TEST(Recorder, what_is_too_long_is_not_lost_silently) {
  std::ostringstream out;
  Recorder recorder(out, counted());
  recorder.begin_read(std::string(kMaxName, ' ')).returned();
  recorder.begin_read(std::string(kMaxName + 1, ' ')).returned();
  auto read = recorder.begin_read("k");
  for (std::size_t i = 0; i < kMaxLine / kMaxName + 1; ++i) read.saw(std::string(kMaxName, 'a'), 1);
  read.returned();
  EXPECT_THROW(recorder.close(), std::runtime_error);
  EXPECT_EQ(error_of(out.str()), "h:3: the recorder lost 2 operations: a name is longer than the format permits");
}

TEST(Recorder, closing_twice_is_once) {
  std::ostringstream out;
  Recorder recorder(out, counted());
  recorder.close();
  recorder.close();
  EXPECT_EQ(out.str(), kHead + "end 0\n");
}

TEST(RecorderDeathTest, an_operation_that_ends_after_close_stops_the_program) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        std::ostringstream out;
        Recorder recorder(out, counted());
        auto read = recorder.begin_read("k");
        recorder.close();
        read.returned();
      },
      "after close");
}

TEST_F(HistoryFiles, an_existing_file_is_not_written_over) {
  std::ofstream(folder_ / "h") << "evidence";
  EXPECT_THROW(Recorder{folder_ / "h"}, std::system_error);
}

TEST_F(HistoryFiles, a_full_disk_is_told) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  std::string reason;
  {
    auto options = counted();
    options.buffer_bytes = 100;
    Recorder recorder(folder_ / "h", options);
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit small{.rlim_cur = 300, .rlim_max = before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    for (int i = 0; i < 100; ++i) recorder.begin_read("key").returned();
    try {
      recorder.close();
    } catch (const std::runtime_error& error) {
      reason = error.what();
    }
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    std::signal(SIGXFSZ, handler);
  }
  EXPECT_EQ(reason, "the history is incomplete: File too large");
  try {
    read_history(std::vector{folder_ / "h"});
    FAIL();
  } catch (const HistoryError& error) {
    EXPECT_NE(std::string(error.what()).find("the recorder lost "), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find(" operations: File too large"), std::string::npos) << error.what();
  }
}

TEST_F(HistoryFiles, a_device_that_takes_nothing_is_told) {
  std::ofstream full("/dev/full");
  Recorder recorder(full, counted());
  recorder.begin_read("k").returned();
  EXPECT_THROW(recorder.close(), std::runtime_error);
}

/// Threads of one process on a cache that a mutex makes correct, small buffers, threads that come and go.
TEST_F(HistoryFiles, many_threads_record_without_loss) {
  constexpr int kThreads = 8;
  constexpr int kOperations = 2000;
  RecorderOptions options;
  options.buffer_bytes = 512;
  {
    Recorder recorder(folder_ / "h", options);
    std::mutex mutex;
    Version version = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t)
      threads.emplace_back([&, t] {
        for (int i = 0; i < kOperations; ++i) {
          if ((i + t) % 10 == 0) {
            auto change = recorder.begin_change("row");
            {
              const std::lock_guard lock(mutex);
              change.wrote(++version);
            }
            change.returned();
          } else {
            auto read = recorder.begin_read("key");
            Version seen = 0;
            {
              const std::lock_guard lock(mutex);
              seen = version;
            }
            read.saw("row", seen);
            read.returned();
          }
        }
      });
    for (auto& thread : threads) thread.join();
    recorder.close();
  }
  const auto history = read_history(std::vector{folder_ / "h"});
  const auto verdict = check(history);
  EXPECT_EQ(describe(history, verdict), "ok: 14400 reads, 1600 changes, 1 keys");
}

TEST(Recorder, one_thread_may_use_several_recorders) {
  std::ostringstream out_a;
  std::ostringstream out_b;
  for (int round = 0; round < 3; ++round) {
    out_a.str("");
    out_b.str("");
    Recorder a(out_a, counted());
    Recorder b(out_b, counted());
    a.begin_read("a").returned();
    b.begin_read("b").returned();
    std::thread([&] { b.begin_read("c").returned(); }).join();
    a.close();
    b.close();
    EXPECT_EQ(out_a.str(), kHead + "read 1 1 2 a\nend 1\n");
    EXPECT_EQ(out_b.str(), kHead + "read 2 3 4 c\nread 1 1 2 b\nend 2\n");
  }
}

TEST(Recorder, an_operation_may_end_on_another_thread) {
  const auto text = recorded(counted(), [](Recorder& recorder) {
    auto read = recorder.begin_read("k");
    std::thread([read = std::move(read)]() mutable { read.returned(); }).join();
  });
  EXPECT_EQ(text, kHead + "read 1 1 2 k\nend 1\n");
}

/// A register in memory that the processes of a test share.
struct Shared {
  std::atomic<Version> version{0};
  std::atomic<int> ready{0};
};

class HistoryProcesses : public HistoryFiles {
 protected:
  void SetUp() override {
    HistoryFiles::SetUp();
    void* memory = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(memory, MAP_FAILED);
    shared_ = new (memory) Shared;
  }
  void TearDown() override {
    ::munmap(shared_, sizeof(Shared));
    HistoryFiles::TearDown();
  }
  template <class Body>
  pid_t child(Body body) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      body();
      ::_exit(0);
    }
    return pid;
  }
  Shared* shared_ = nullptr;
};

TEST_F(HistoryProcesses, files_of_several_processes_are_one_history) {
  const auto writer = child([&] {
    Recorder recorder(folder_ / "writer");
    while (shared_->ready.load() == 0) std::this_thread::yield();
    for (int i = 0; i < 1000; ++i) {
      auto change = recorder.begin_change("row");
      change.wrote(shared_->version.load() + 1);
      shared_->version.fetch_add(1);
      change.returned();
    }
  });
  const auto reader = child([&] {
    Recorder recorder(folder_ / "reader");
    shared_->ready.store(1);
    for (int i = 0; i < 1000; ++i) {
      auto read = recorder.begin_read("key");
      read.saw("row", shared_->version.load());
      read.returned();
    }
    while (shared_->version.load() < 1000) std::this_thread::yield();
    auto last = recorder.begin_read("key");
    last.saw("row", shared_->version.load());
    last.returned();
  });
  ASSERT_GT(writer, 0);
  ASSERT_GT(reader, 0);
  for (const pid_t pid : {writer, reader}) {
    int status = 0;
    ASSERT_EQ(::waitpid(pid, &status, 0), pid);
    ASSERT_EQ(status, 0);
  }
  const auto history = read_history(std::vector{folder_ / "reader", folder_ / "writer"});
  EXPECT_EQ(describe(history, check(history)), "ok: 1001 reads, 1000 changes, 1 keys");
  EXPECT_EQ(history.sources()[1].process, std::to_string(writer));
}

TEST_F(HistoryProcesses, a_process_killed_within_a_change_leaves_it_open) {
  const auto killed = child([&] {
    Recorder recorder(folder_ / "killed", {.flush = Flush::each_operation});
    auto done = recorder.begin_change("row");
    shared_->version.store(1);
    done.wrote(1);
    done.returned();
    auto change = recorder.begin_change("row");
    shared_->version.store(2);
    ::kill(::getpid(), SIGKILL);
  });
  ASSERT_GT(killed, 0);
  int status = 0;
  ASSERT_EQ(::waitpid(killed, &status, 0), killed);
  ASSERT_TRUE(WIFSIGNALED(status));
  for (const Version seen : {Version{0}, Version{1}, Version{2}}) {
    const auto file = folder_ / ("reader" + std::to_string(seen));
    {
      Recorder recorder(file);
      auto read = recorder.begin_read("key");
      read.saw("row", seen);
      read.returned();
    }
    const auto history = read_history(std::vector{folder_ / "killed", file});
    const auto verdict = check(history);
    // Version 1 had returned; version 2 may be there or not.
    EXPECT_EQ(verdict.kind, seen == 0 ? Verdict::Kind::stale : Verdict::Kind::ok) << describe(history, verdict);
    EXPECT_EQ(verdict.open_changes, 1u);
  }
}

TEST(Parser, refuses_what_is_no_history) {
  EXPECT_EQ(error_of(""), "h:0: empty, not a history");
  EXPECT_EQ(error_of("hello\n"), "h:1: not a history: it does not begin with watchbell-cache-history");
  EXPECT_EQ(error_of("watchbell-cache-history 2 buffered c p\n"), "h:1: not of version 1 of the format");
  EXPECT_EQ(error_of("watchbell-cache-history 1 never c p\n"), "h:1: the way of flushing is neither buffered nor unbuffered");
  EXPECT_EQ(error_of("watchbell-cache-history 1 buffered c\n"), "h:1: the process is missing");
  EXPECT_EQ(error_of("watchbell-cache-history 1 buffered c p x\n"), "h:1: more fields than the line may have");
}

TEST(Parser, refuses_a_history_that_is_not_whole) {
  EXPECT_EQ(error_of(kHead), "h:2: no end line: the recorder was not closed, so operations may be missing");
  EXPECT_EQ(error_of(kHead + "read 1 2 3 k\nend 2\n"), "h:3: counts other than the 1 lines before it: lines are missing");
  EXPECT_EQ(error_of(kHead + "read 1 2 3 k"), "h:2: cut off within the line");
  EXPECT_EQ(error_of(kHead + "end 0\nread 1 2 3 k\n"), "h:3: a line after the end");
  EXPECT_EQ(error_of(kHead + "lost 3 No%20space\n"), "h:2: the recorder lost 3 operations: No space");
  EXPECT_EQ(error_of(kUnbufferedHead + "read 1 2 3 k"), "none");
  EXPECT_EQ(error_of(kUnbufferedHead), "none");
}

TEST(Parser, says_what_is_wrong_with_a_line) {
  const auto error = [](const std::string& line) { return error_of(kHead + line + "\nend 1\n"); };
  EXPECT_EQ(error("write 1 2 3 k"), "h:2: neither initial, change, read, lost nor end");
  EXPECT_EQ(error(""), "h:2: the kind of the line is empty");
  EXPECT_EQ(error("read"), "h:2: the thread is missing");
  EXPECT_EQ(error("read x 2 3 k"), "h:2: the thread is not a number");
  EXPECT_EQ(error("read -1 2 3 k"), "h:2: the thread is not a number");
  EXPECT_EQ(error("read 99999999999 2 3 k"), "h:2: the thread is too large");
  EXPECT_EQ(error("read 1  3 k"), "h:2: began is empty");
  EXPECT_EQ(error("read 1 18446744073709551615 - k"), "h:2: began is too large");
  EXPECT_EQ(error("read 1 3 2 k"), "h:2: returned before it began");
  EXPECT_EQ(error("read 1 2 3"), "h:2: the key is missing");
  EXPECT_EQ(error("read 1 2 3 k a"), "h:2: the version of an item is missing");
  EXPECT_EQ(error("read 1 2 3 k a 1 "), "h:2: an item is empty");
  EXPECT_EQ(error("read 1 2 3 a%2"), "h:2: the key has a % without two hex digits");
  EXPECT_EQ(error("read 1 2 3 a%-1"), "h:2: the key has a % without two hex digits");
  EXPECT_EQ(error("read 1 2 3 \xc3\xa4"), "h:2: the key holds a byte that is not escaped");
  EXPECT_EQ(error("read 1 2 3 k\r"), "h:2: the key holds a byte that is not escaped");
  EXPECT_EQ(error("read 1 2 3 " + std::string(kMaxName + 1, 'a')), "h:2: the key is longer than 4096 bytes");
  EXPECT_EQ(error("read 1 2 3 " + std::string(kMaxLine, 'a')), "h:2: longer than 1048576 bytes");
  EXPECT_EQ(error("change 1 2 3 a"), "h:2: the version is missing");
  EXPECT_EQ(error("change 1 2 3 a 1 b 2"), "h:2: more fields than the line may have");
  EXPECT_EQ(error("change 1 2 3 a ?"), "h:2: the change returned, but its version is unknown");
  EXPECT_EQ(error("initial a x"), "h:2: the version is not a number");
}

TEST(Parser, reads_the_longest_line) {
  std::string line = "read 1 2 3 k";
  while (line.size() < kMaxLine - 4) line += " a 1";
  ASSERT_EQ(line.size(), kMaxLine - 4);
  line += " a 1";
  EXPECT_EQ(error_of(kHead + line + "\nend 1\n"), "none");
  EXPECT_EQ(error_of(kHead + line + "1\nend 1\n"), "h:2: longer than 1048576 bytes");
}

TEST_F(HistoryFiles, clocks_do_not_mix) {
  {
    Recorder recorder(folder_ / "a", counted());
  }
  {
    Recorder recorder(folder_ / "b");
  }
  try {
    read_history(std::vector{folder_ / "a", folder_ / "b"});
    FAIL();
  } catch (const HistoryError& error) {
    EXPECT_EQ(std::string(error.what()), (folder_ / "b").string() + ":1: recorded by clock monotonic-ns, the files before it by counter");
  }
}

TEST_F(HistoryFiles, a_missing_file_is_told) {
  try {
    read_history(std::vector{folder_ / "none"});
    FAIL();
  } catch (const HistoryError& error) {
    EXPECT_EQ(std::string(error.what()), (folder_ / "none").string() + ": No such file or directory");
  }
}

RC_GTEST_PROP(HistoryProperty, names_of_any_bytes_come_back, (const std::string& key, const std::vector<std::pair<std::string, Version>>& items)) {
  const auto text = recorded(counted(), [&](Recorder& recorder) {
    auto read = recorder.begin_read(key);
    for (const auto& [item, version] : items) read.saw(item, version);
    read.returned();
  });
  const auto history = parsed(text);
  RC_ASSERT(history.operations().size() == 1u);
  const auto& read = history.operations()[0];
  RC_ASSERT(history.name(read.name) == key);
  RC_ASSERT(history.seen(read).size() == items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    RC_ASSERT(history.name(history.seen(read)[i].item) == items[i].first);
    RC_ASSERT(history.seen(read)[i].version == items[i].second);
  }
}

RC_GTEST_PROP(HistoryProperty, cut_anywhere_a_buffered_history_is_refused, ()) {
  const auto text = recorded(counted(), [](Recorder& recorder) {
    recorder.initial("a", 1);
    auto change = recorder.begin_change("a");
    change.wrote(2);
    change.returned();
    recorder.begin_read("k").returned();
  });
  const auto size = *rc::gen::inRange<std::size_t>(0, text.size());
  RC_ASSERT(error_of(text.substr(0, size)) != "none");
}

/// The parser survives what the fuzzer once found, and the shapes it starts from.
TEST(Parser, survives_the_corpus) {
  int files = 0;
  for (const auto& entry : fs::directory_iterator(WATCHBELL_CACHE_HISTORY_CORPUS)) {
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(in), {}};
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    ++files;
  }
  EXPECT_GT(files, 5);
}

/// Runs the program on the files; its output, both streams, and its exit code.
std::pair<std::string, int> program(const std::string& arguments) {
  const std::string command = std::string("'") + WATCHBELL_CACHE_CHECK + "' " + arguments + " 2>&1";
  std::FILE* pipe = ::popen(command.c_str(), "r");
  if (!pipe) return {"popen failed", -1};
  std::string output;
  char piece[512];
  while (const auto size = std::fread(piece, 1, sizeof piece, pipe)) output.append(piece, size);
  const int status = ::pclose(pipe);
  return {output, WIFEXITED(status) ? WEXITSTATUS(status) : -1};
}

class CheckProgram : public HistoryFiles {
 protected:
  std::string file(const std::string& name, const std::string& lines) {
    std::ofstream(folder_ / name) << kHead << lines;
    return " " + (folder_ / name).string();
  }
};

TEST_F(CheckProgram, says_ok_and_counts) {
  const auto [output, code] = program(file("a", "change 1 1 2 row 1\nend 1\n") + file("b", "read 1 3 4 k row 1\nend 1\n"));
  EXPECT_EQ(output, "ok: 1 reads, 1 changes, 1 keys\n");
  EXPECT_EQ(code, 0);
}

TEST_F(CheckProgram, names_the_stale_read) {
  const auto a = file("a", "change 1 1 2 row 1\nend 1\n");
  const auto b = file("b", "read 7 3 4 k row 0\nend 1\n");
  const auto [output, code] = program(b + a);
  EXPECT_EQ(output,
            "stale read: \"k\" was read from \"row\" at version 0, but the change to version 1 had returned before the read began\n"
            "  read: [3, 4], process p, thread 7," +
                b +
                ":2, \"k\" from \"row\" at version 0\n"
                "  change: [1, 2], process p, thread 1," +
                a + ":2, \"row\" at version 1\n");
  EXPECT_EQ(code, 1);
}

TEST_F(CheckProgram, refuses_bad_input) {
  const auto bad = file("bad", "nonsense\n");
  EXPECT_EQ(program(bad), std::pair("watchbell-cache-check:" + bad + ":2: neither initial, change, read, lost nor end\n", 2));
  EXPECT_EQ(program(file("twice", "change 1 1 2 a 1\nchange 1 3 4 a 1\nend 2\n")).second, 2);
  EXPECT_EQ(program("").second, 2);
  EXPECT_EQ(program("--help").second, 0);
  EXPECT_EQ(program((folder_ / "none").string()).second, 2);
}

}  // namespace
}  // namespace watchbell::cache::testing
