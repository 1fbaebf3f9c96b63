#include "app/admin.hpp"

#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace watchbell::app {
namespace {

/// A server that listens and does nothing.
struct Hung {
  explicit Hung(bool listens = true) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, path.size());
    fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    if (listens) EXPECT_EQ(::listen(fd, 0), 0);
  }
  ~Hung() {
    ::close(fd);
    std::filesystem::remove_all(folder);
  }
  std::string folder = [] {
    std::string name = std::filesystem::temp_directory_path() / "watchbell-admin-XXXXXX";
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    return name;
  }();
  std::string path = folder + "/admin.sock";
  int fd = -1;
};

TEST(AskAdmin, a_server_that_hangs_is_said) {
  const Hung server;
  const auto patience = std::chrono::milliseconds(20);
  const auto answer = ask_admin(server.path, "{}", patience);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::timeout);
}

TEST(AskAdmin, a_server_too_busy_to_be_connected_to_is_said) {
  const Hung server;
  const auto patience = std::chrono::milliseconds(20);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  server.path.copy(address.sun_path, server.path.size());
  const int first = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(::connect(first, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);  // all its queue holds
  const auto answer = ask_admin(server.path, "{}", patience);
  ::close(first);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::timeout);
}

TEST(AskAdmin, where_nobody_listens_the_request_was_not_taken) {
  const Hung dead(false);
  for (const auto& path : {dead.path, dead.folder + "/absent", std::string(200, 'x')}) {
    const auto answer = ask_admin(path, "{}", std::chrono::seconds(1));
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ErrorCode::unavailable) << path;
  }
}

}  // namespace
}  // namespace watchbell::app
