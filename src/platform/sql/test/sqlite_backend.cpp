#include "platform/sql/test/backend.hpp"
#include "platform/sql/test/temporary_folder.hpp"

namespace watchbell::sql::test {
namespace {

class SqliteBackend final : public Backend {
 public:
  std::string url() const override { return "sqlite:" + folder_.file("a.db"); }
  std::unique_ptr<detail::Connection> connect(std::chrono::milliseconds statement_deadline) override {
    return detail::open_sqlite({.file = folder_.file("a.db"), .statement_deadline = statement_deadline});
  }

 private:
  TemporaryFolder folder_;
};

}  // namespace

std::unique_ptr<Backend> fresh_backend() { return std::make_unique<SqliteBackend>(); }

}  // namespace watchbell::sql::test
