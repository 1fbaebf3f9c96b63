#include <watchbell/cache/testing/checker.hpp>

#include <iostream>
#include <optional>
#include <sstream>
#include <string>
#include <utility>

namespace testing = watchbell::cache::testing;

struct Book {
  std::string title;
  testing::Version version;  // counted by the database
};

int main() {
  Book row{"Moby-Dick", 1};    // stands for a database
  std::optional<Book> cached;  // and for a cache of it
  std::stringstream file;      // or the path of a file, one for each process
  {
    testing::Recorder recorder(file, {.clock = testing::counting_clock()});
    recorder.initial("book:7", row.version);

    const auto read = [&] {
      auto op = recorder.begin_read("title of 7");
      if (!cached) cached = row;
      op.saw("book:7", cached->version);  // what the answer was made from
      op.returned();
    };
    const auto rename = [&](std::string title) {
      auto op = recorder.begin_change("book:7");
      row = {std::move(title), row.version + 1};
      op.wrote(row.version);
      // cached.reset();  was forgotten
      op.returned();
    };

    read();
    rename("The Whale");
    read();
  }

  testing::History history;
  testing::read_history(file, "example", history);
  const auto verdict = testing::check(history);
  std::cout << testing::describe(history, verdict) << '\n';
  // stale read: "title%20of%207" was read from "book:7" at version 1, but the change to version 2 had returned [...]
  //   read: [5, 6], process 4711, thread 1, example:5, "title%20of%207" from "book:7" at version 1
  //   change: [3, 4], process 4711, thread 1, example:4, "book:7" at version 2
  return verdict.kind == testing::Verdict::Kind::stale ? 0 : 1;
}
