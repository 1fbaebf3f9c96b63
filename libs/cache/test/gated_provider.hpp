#pragma once

#include <watchbell/cache/memory_provider.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace watchbell::cache::test {

/// A provider whose answers a test can fail, hold back, and lose. For one loop.
class GatedProvider final : public CacheProvider {
 public:
  GatedProvider(boost::asio::io_context& loop, std::shared_ptr<CacheProvider> behind)
      : gate_(loop, std::chrono::steady_clock::time_point::max()), behind_(std::move(behind)) {}

  /// How the next calls end. `hang` waits for its deadline; `lose` is applied behind, but fails after its deadline.
  enum class Mode { pass, fail, hang, lose };
  Mode mode = Mode::pass;
  bool held = false;  ///< calls wait, after they were applied, until `release`
  int fetches = 0;
  int fills = 0;
  int invalidations = 0;

  void release() {
    held = false;
    gate_.cancel();
  }

  Task<std::optional<std::string>> get(Address address, Duration deadline) override {
    return behind_->get(std::move(address), deadline);
  }
  Task<void> set(Address address, std::string bytes, std::optional<Duration> ttl, Duration deadline) override {
    return behind_->set(std::move(address), std::move(bytes), ttl, deadline);
  }
  Task<void> remove(Address address, Duration deadline) override {
    return behind_->remove(std::move(address), deadline);
  }
  Task<std::uint64_t> delete_by_prefix(std::string scope, Family family, Duration deadline) override {
    return behind_->delete_by_prefix(std::move(scope), std::move(family), deadline);
  }
  Task<bool> has(Address address, Duration deadline) override { return behind_->has(std::move(address), deadline); }

  Task<std::vector<Fetched>> fetch(std::vector<Address> addresses, Duration lease, Duration deadline) override {
    ++fetches;
    auto work = behind_->fetch(std::move(addresses), lease, deadline);
    return gated(std::move(work), deadline);
  }
  Task<std::vector<Filled>> fill(std::vector<Fill> fills_of, Duration deadline) override {
    ++fills;
    auto work = behind_->fill(std::move(fills_of), deadline);
    return gated(std::move(work), deadline);
  }
  Task<void> invalidate(std::vector<Drop> drops, Duration deadline) override {
    ++invalidations;
    auto work = behind_->invalidate(std::move(drops), deadline);
    return gated(std::move(work), deadline);
  }
  Task<ProviderStats> stats(Duration deadline) override { return behind_->stats(deadline); }
  Task<EntryPage> list_entries(std::uint64_t offset, std::uint64_t limit, EntryOrder order, Duration deadline) override {
    return behind_->list_entries(offset, limit, order, deadline);
  }
  boost::asio::awaitable<void> stop() override { return behind_->stop(); }
  boost::asio::any_io_executor executor() override { return gate_.get_executor(); }

 private:
  template <class T>
  Task<T> gated(Task<T> work, Duration deadline) {
    const auto error = [](boost::asio::error::basic_errors code) {
      return Outcome<T>(boost::system::in_place_error, boost::system::error_code(code));
    };
    boost::system::error_code ignored;
    if (mode == Mode::fail) co_return error(boost::asio::error::connection_refused);
    if (mode == Mode::hang || mode == Mode::lose) {
      if (mode == Mode::lose) static_cast<void>(co_await std::move(work));
      boost::asio::steady_timer timer(gate_.get_executor(), deadline);
      auto token = boost::asio::redirect_error(boost::asio::use_awaitable, ignored);
      co_await timer.async_wait(token);
      co_return error(boost::asio::error::timed_out);
    }
    auto outcome = co_await std::move(work);
    while (held) {
      auto token = boost::asio::redirect_error(boost::asio::use_awaitable, ignored);
      co_await gate_.async_wait(token);
    }
    co_return outcome;
  }

  boost::asio::steady_timer gate_;
  std::shared_ptr<CacheProvider> behind_;
};

}  // namespace watchbell::cache::test
