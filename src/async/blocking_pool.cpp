#include "async/blocking_pool.hpp"

#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

namespace watchbell::async {

BlockingPool::BlockingPool(Options options) : options_(std::move(options)) {
  for (std::size_t i = 0; i < options_.threads; ++i) threads_.emplace_back([this] { work(); });
}

BlockingPool::~BlockingPool() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  ready_.notify_all();
  for (auto& thread : threads_) thread.join();
}

bool BlockingPool::post(std::function<void()> f) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ || queue_.size() >= options_.max_queued) return false;
    queue_.push_back(std::move(f));
  }
  ready_.notify_one();
  return true;
}

std::size_t BlockingPool::queued() const {
  const std::lock_guard lock(mutex_);
  return queue_.size();
}

awaitable<bool> BlockingPool::has_run(std::shared_ptr<Job> job) {
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<Executor>, void(bool)>(
      [this, &job](auto handler) {
        const auto executor = asio::get_associated_executor(handler);
        auto shared = std::make_shared<decltype(handler)>(std::move(handler));
        // The work guard keeps the loop running while the job is away.
        const bool queued = post([job, shared, work = asio::make_work_guard(executor)] {
          job->run();
          asio::post(work.get_executor(), [shared] { std::move (*shared)(true); });
        });
        if (!queued) asio::post(executor, [shared] { std::move (*shared)(false); });
      },
      use_awaitable);
}

void BlockingPool::work() {
  ::pthread_setname_np(::pthread_self(), options_.name.substr(0, 15).c_str());
  // On Linux the nice value belongs to the thread. Refusal changes nothing but fairness.
  if (options_.nice != 0) ::setpriority(PRIO_PROCESS, static_cast<id_t>(::syscall(SYS_gettid)), options_.nice);
  std::unique_lock lock(mutex_);
  while (true) {
    ready_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    {
      auto job = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      job();
    }
    lock.lock();
  }
}

}  // namespace watchbell::async
