#include <watchbell/cache/scope.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include <iostream>
#include <map>
#include <string>

namespace asio = boost::asio;
namespace cache = watchbell::cache;
using namespace std::chrono_literals;

// Stands for a database.
struct Shelf {
  std::map<int, std::string> titles{{7, "Moby-Dick"}};
  int reads = 0;

  asio::awaitable<std::string> read(int book) {
    ++reads;
    co_return titles.at(book);
  }
};

class Books {
 public:
  Books(cache::Cache& engine, Shelf& shelf) : scope_(engine, "books", 15s), shelf_(shelf) {}

  asio::awaitable<std::string> title(int book) {
    const cache::Key key("book", book, "title");
    if (auto hit = scope_.find<std::string>(key)) co_return *hit;  // no coroutine, no allocation
    auto loader = [&shelf = shelf_, book] { return shelf.read(book); };
    auto title = co_await scope_.wrap<std::string>(key, std::move(loader));
    co_return *title;
  }

  void rename(int book, std::string title) {
    shelf_.titles[book] = std::move(title);                // commit first,
    scope_.invalidate_prefix(cache::Family("book", book));  // then invalidate all that was derived from it
  }

 private:
  cache::CachedScope scope_;
  Shelf& shelf_;
};

int main() {
  asio::io_context loop;
  cache::Cache engine({.max_bytes = 64u << 20, .max_entries = 10'000});
  Shelf shelf;
  Books books(engine, shelf);
  std::string heard;

  for (int reader = 0; reader < 100; ++reader)
    asio::co_spawn(loop, books.title(7), [&](const std::exception_ptr&, const std::string& title) { heard = title; });
  loop.run();
  std::cout << heard << ", read " << shelf.reads << " time\n";  // Moby-Dick, read 1 time
  if (shelf.reads != 1) return 1;

  books.rename(7, "The Whale");
  asio::co_spawn(loop, books.title(7), [&](const std::exception_ptr&, const std::string& title) { heard = title; });
  loop.restart();
  loop.run();
  std::cout << heard << '\n';  // The Whale: no reader who comes after rename() sees the old title
  if (heard != "The Whale") return 1;

  asio::co_spawn(loop, engine.close(), asio::detached);
  loop.restart();
  loop.run();
}
