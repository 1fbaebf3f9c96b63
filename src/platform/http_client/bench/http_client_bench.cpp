// How many POSTs a second does the client send, and at what CPU time each, compared with libcurl alone?
//
// 10,000 POSTs of 1 KiB with 64 at a time to a sink in a second thread, over kept connections; rounds of the two interleaved, the median printed.
// CPU is that of the sending thread. "16 hosts" sends through names, so that look-up, judgement and CURLOPT_RESOLVE are in it.

#include <curl/curl.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <thread>

#include <boost/asio/co_spawn.hpp>

#include "async/task_scope.hpp"
#include "platform/http_client/client.hpp"
#include "platform/http_client/test/sink.hpp"

namespace watchbell::http::test {
namespace {

constexpr int kRequests = 10'000;
constexpr int kAtOnce = 64;
constexpr int kHosts = 16;
constexpr int kRounds = 5;

struct Measure {
  double wall_s = 0;
  double cpu_s = 0;
  int failed = 0;
};

double thread_cpu() {
  ::timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

class Stopwatch {
 public:
  Measure stop(int failed) const { return {std::chrono::duration<double>(std::chrono::steady_clock::now() - wall_).count(), thread_cpu() - cpu_, failed}; }

 private:
  std::chrono::steady_clock::time_point wall_ = std::chrono::steady_clock::now();
  double cpu_ = thread_cpu();
};

/// The sink on its own thread and loop.
class SinkThread {
 public:
  SinkThread() : sink_(loop_.executor(), [](const SinkRequest&) { return SinkReply{kReply}; }) {
    sink_.keep_requests = false;
    port = sink_.port();
    thread_ = std::thread([this] {
      bool done = false;
      loop_.run_until([&] {
        if (!started_) {
          sink_.start();
          started_ = true;
        }
        return done;
      });
    });
  }
  ~SinkThread() {
    asio::post(loop_.executor(), [this] { asio::co_spawn(loop_.executor(), sink_.close(), [this](std::exception_ptr) { loop_.stop(); }); });
    thread_.join();
  }
  std::uint16_t port = 0;

 private:
  static inline const std::string kReply = ok();
  async::Loop loop_;
  Sink sink_;
  std::thread thread_;
  bool started_ = false;
};

std::string body() { return std::string(1024, 'x'); }

awaitable<void> sender(Client& client, std::vector<std::string>& urls, int& next, int& failed) {
  while (next < kRequests) {
    ClientRequest request;
    request.method = "POST";
    request.url = urls[static_cast<std::size_t>(next++) % urls.size()];
    request.headers = {{"Content-Type", "application/json"}, {"User-Agent", "Watchbell-Webhook/0"}, {"webhook-id", "0198f0c2-0000-7000-8000-000000000000"}};
    request.body = body();
    const auto answer = co_await client.send(std::move(request));
    if (!answer || answer->status != 200) ++failed;
  }
}

awaitable<void> run_client(async::Loop& loop, std::vector<std::string> urls, Measure& measure) {
  SystemClock clock;
  async::TimerWheel wheel(loop.executor(), clock);
  net::Resolver resolver(loop.executor(), wheel, {},
                         [](const std::string&) -> Result<std::vector<net::Address>> { return std::vector{*net::Address::parse("127.0.0.1")}; });
  const net::Egress egress(*net::Cidr::parse_list("127.0.0.0/8"));
  Client client(loop, wheel, resolver, egress, {});
  async::TaskScope scope(loop.executor(), [](std::string_view, std::exception_ptr) {});
  int next = 0;
  int failed = 0;
  const Stopwatch watch;
  for (int i = 0; i < kAtOnce; ++i) scope.spawn("sender", sender(client, urls, next, failed));
  co_await scope.join();
  measure = watch.stop(failed);
  co_await client.close();
  resolver.close();
}

Measure through_client(const std::vector<std::string>& urls) {
  async::Loop loop;
  Measure measure;
  bool done = false;
  asio::co_spawn(loop.executor(), run_client(loop, urls, measure), [&](std::exception_ptr) { done = true; });
  loop.run_until([&] { return done; });
  return measure;
}

std::size_t drop(char*, std::size_t size, std::size_t count, void*) { return size * count; }

Measure through_libcurl(const std::string& url) {
  CURLM* multi = ::curl_multi_init();
  ::curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, 1024L);
  curl_slist* headers = ::curl_slist_append(nullptr, "Content-Type: application/json");
  const std::string content = body();
  int sent = 0;
  int failed = 0;
  int done = 0;
  const Stopwatch watch;
  for (; sent < kAtOnce; ++sent) {
    CURL* easy = ::curl_easy_init();
    ::curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
    ::curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    ::curl_easy_setopt(easy, CURLOPT_POSTFIELDS, content.c_str());
    ::curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, static_cast<long>(content.size()));
    ::curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &drop);
    ::curl_multi_add_handle(multi, easy);
  }
  while (done < kRequests) {
    int running = 0;
    ::curl_multi_perform(multi, &running);
    int left = 0;
    while (const CURLMsg* message = ::curl_multi_info_read(multi, &left)) {
      CURL* easy = message->easy_handle;
      if (message->data.result != CURLE_OK) ++failed;
      ++done;
      ::curl_multi_remove_handle(multi, easy);
      if (sent < kRequests) {
        ++sent;
        ::curl_multi_add_handle(multi, easy);
      } else {
        ::curl_easy_cleanup(easy);
      }
    }
    if (done < kRequests) ::curl_multi_poll(multi, nullptr, 0, 1000, nullptr);
  }
  const Measure measure = watch.stop(failed);
  ::curl_slist_free_all(headers);
  ::curl_multi_cleanup(multi);
  return measure;
}

void print(const char* what, std::vector<Measure> rounds) {
  std::ranges::sort(rounds, {}, &Measure::wall_s);
  const Measure& median = rounds[rounds.size() / 2];
  std::ranges::sort(rounds, {}, &Measure::cpu_s);
  const double cpu = rounds[rounds.size() / 2].cpu_s;
  int failed = 0;
  for (const auto& each : rounds) failed += each.failed;
  std::printf("%-22s %7.0f POST/s  %5.3f s  %5.1f us CPU each  %d failed\n", what, kRequests / median.wall_s, median.wall_s, cpu / kRequests * 1e6, failed);
}

}  // namespace

int run() {
  SinkThread sink;
  std::vector<std::string> names;
  for (int i = 0; i < kHosts; ++i) names.push_back(fmt::format("http://hook{}.test:{}/path", i, sink.port));
  const std::string literal = fmt::format("http://127.0.0.1:{}/path", sink.port);
  std::vector<Measure> alone;
  std::vector<Measure> one_host;
  std::vector<Measure> many_hosts;
  for (int round = 0; round < kRounds; ++round) {
    alone.push_back(through_libcurl(literal));
    one_host.push_back(through_client({literal}));
    many_hosts.push_back(through_client(names));
  }
  print("libcurl alone", alone);
  print("client, one address", one_host);
  print("client, 16 hosts", many_hosts);
  return 0;
}

}  // namespace watchbell::http::test

int main() { return watchbell::http::test::run(); }
