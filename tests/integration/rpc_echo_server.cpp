// The server with the echo area beside its own, for clients of the wire: `rpc_echo_server serve --listen HOST:PORT --data DIR`.
#include <csignal>
#include <cstdio>
#include <cstring>
#include <span>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/signal_set.hpp>

#include "app/server.hpp"
#include "platform/log/log.hpp"
#include "tests/integration/echo_area.hpp"

namespace {

using namespace watchbell;

awaitable<void> run(async::Loop& loop, config::Config config, int& code) {
  auto opened = co_await app::Server::open(loop, std::move(config), {.extra_areas = watchbell::test::echo_areas, .extra_settings = {}, .say = {}, .before_migrating = {}});
  if (!opened) {
    std::fprintf(stderr, "%s\n", opened.error().message.c_str());
    code = 1;
    co_return;
  }
  app::Server& server = **opened;
  asio::signal_set signals(loop.context(), SIGTERM, SIGINT);
  auto started = co_await server.start();
  if (started) co_await signals.async_wait(use_awaitable);
  else std::fprintf(stderr, "%s\n", started.error().message.c_str());
  co_await server.stop();
}

}  // namespace

int main(int argc, char** argv, char** environment) {
  config::Arguments arguments;
  for (int i = 1; i + 1 < argc; ++i) {
    if (std::strcmp(argv[i], "--listen") == 0) arguments.listen = argv[i + 1];
    if (std::strcmp(argv[i], "--data") == 0) arguments.data = argv[i + 1];
  }
  std::size_t count = 0;
  while (environment[count] != nullptr) ++count;
  auto config = config::load(std::span<char* const>(environment, count), arguments);
  if (!config) {
    std::fprintf(stderr, "%s\n", config.error().message.c_str());
    return 1;
  }
  log::configure({.level = config->log_level, .format = config->log_format});
  async::Loop loop;
  int code = 0;
  bool done = false;
  asio::co_spawn(loop.executor(), run(loop, *config, code), [&](std::exception_ptr fault) {
    done = true;
    if (fault) std::rethrow_exception(fault);
  });
  loop.run_until([&] { return done; });
  return code;
}
