// What does a hit cost in CPU time: 10,000 keys, read in the order of a Zipf law of exponent 0.99? With the hash kept in
// the key, with it made for every read, and on two threads. Against a flat hash map that is no cache at all; a mutex, a map
// and a list; TBB's LRU cache; and Caffeine, in a JVM beside this program that is told round by round to take its turn.
// A read looks whether there is a value and does not look at it, on all sides. Every round measures each of them once, so that what else the machine does meets all; the best round of each counts.
// Options: --caffeine JAR [--java PROGRAM --source CaffeineHits.java]; without a jar that row is missing, and so failed.
#define TBB_PREVIEW_CONCURRENT_LRU_CACHE 1

#include "report.hpp"

#include <watchbell/cache/blocking.hpp>

#include <boost/unordered/unordered_flat_map.hpp>
#include <oneapi/tbb/concurrent_lru_cache.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <unordered_map>
#include <vector>

namespace {
std::atomic<std::uint64_t> allocations = 0;
}  // namespace

void* operator new(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* const memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  const auto step = static_cast<std::size_t>(alignment);
  if (void* const memory = std::aligned_alloc(step, (size + step - 1) / step * step)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace watchbell::cache::bench {
namespace {

constexpr std::uint32_t kKeys = 10'000;
constexpr std::size_t kReads = std::size_t{1} << 17;

/// A child process that answers a line with a line.
class Child {
 public:
  explicit Child(const std::vector<std::string>& command) {
    int to[2];
    int from[2];
    if (pipe(to) != 0 || pipe(from) != 0) throw std::runtime_error("no pipe");
    pid_ = fork();
    if (pid_ == 0) {
      dup2(to[0], STDIN_FILENO);
      dup2(from[1], STDOUT_FILENO);
      for (const int end : {to[0], to[1], from[0], from[1]}) close(end);
      std::vector<char*> words;
      for (const auto& word : command) words.push_back(const_cast<char*>(word.c_str()));
      words.push_back(nullptr);
      execvp(words[0], words.data());
      _exit(127);
    }
    close(to[0]);
    close(from[1]);
    to_ = fdopen(to[1], "w");
    from_ = fdopen(from[0], "r");
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    std::fclose(to_);  // it ends when there is no more to read
    std::fclose(from_);
    waitpid(pid_, nullptr, 0);
  }

  double ask(const std::string& line) {
    std::fprintf(to_, "%s\n", line.c_str());
    std::fflush(to_);
    double answer = 0;
    if (std::fscanf(from_, "%lf", &answer) != 1) throw std::runtime_error("Caffeine's program has ended");
    return answer;
  }

 private:
  pid_t pid_ = -1;
  std::FILE* to_ = nullptr;
  std::FILE* from_ = nullptr;
};

/// The cache everybody writes first.
class MutexLru {
 public:
  void put(const std::string& key, std::shared_ptr<const std::string> value) {
    const std::lock_guard lock(mutex_);
    order_.emplace_front(key, std::move(value));
    map_[key] = order_.begin();
  }
  std::shared_ptr<const std::string> find(const std::string& key) {
    const std::lock_guard lock(mutex_);
    const auto found = map_.find(key);
    if (found == map_.end()) return nullptr;
    order_.splice(order_.begin(), order_, found->second);
    return found->second->second;
  }

 private:
  using Order = std::list<std::pair<std::string, std::shared_ptr<const std::string>>>;
  std::mutex mutex_;
  Order order_;
  std::unordered_map<std::string, Order::iterator> map_;
};

std::string made_value(std::string) { return "value"; }

template <class Read>
double cpu_a_read(const std::vector<std::uint16_t>& reads, std::size_t times, Read read) {
  std::size_t sum = 0;
  const double before = thread_cpu();
  for (std::size_t n = 0; n < times; ++n)
    for (const auto index : reads) sum += read(index);
  const double cpu = thread_cpu() - before;
  keep(sum);
  if (sum != times * reads.size()) throw std::logic_error("a read has missed");
  return cpu / static_cast<double>(times * reads.size()) * 1e9;
}

int run(int argc, char** argv) {
  Report report(argc, argv, "CPU time of a hit on 10,000 keys, Zipf 0.99, best of 10 interleaved rounds");
  std::vector<std::uint16_t> reads;  // narrow, so that walking it displaces little of what is measured
  for (const auto index : zipf(kKeys, kReads)) reads.push_back(static_cast<std::uint16_t>(index));
  std::vector<std::string> texts;
  for (std::uint32_t i = 0; i < kKeys; ++i) {
    char text[32];
    std::snprintf(text, sizeof text, "user-%08u-unread", i);
    texts.emplace_back(text);
  }

  Cache cache({.max_entries = 2 * kKeys});
  const BlockingScope scope(cache, "bench", std::chrono::minutes(9));
  Cache deep_cache({.max_entries = 2 * kKeys});
  const BlockingScope deep(deep_cache, "bench", std::chrono::minutes(9));
  std::vector<Key> keys;
  boost::unordered_flat_map<std::string, std::shared_ptr<const std::string>> flat;
  MutexLru locked;
  using Tbb = tbb::concurrent_lru_cache<std::string, std::string>;
  Tbb tbb(&made_value, 2 * kKeys);
  for (const auto& text : texts) {
    keys.emplace_back(std::string_view(text));
    scope.wrap<std::string>(keys.back(), [] { return std::string("value"); });
    deep.wrap<std::string>(Key("inbox", std::string_view(text), "unread"), [] { return std::string("value"); });
    flat[text] = std::make_shared<const std::string>("value");
    locked.put(text, std::make_shared<const std::string>("value"));
    static_cast<void>(tbb[text]);
  }

  const auto kept = [&](std::uint32_t i) { return scope.find<std::string>(keys[i]) != nullptr; };
  const auto hashed = [&](std::uint32_t i) {
    return scope.find<std::string>(Key(std::string_view(texts[i]))) != nullptr;
  };
  const auto segments = [&](std::uint32_t i) {
    return deep.find<std::string>(Key("inbox", std::string_view(texts[i]), "unread")) != nullptr;
  };

  std::unique_ptr<Child> caffeine;
  std::string directory;
  if (const std::string jar = report.option("--caffeine"); !jar.empty()) {
    char pattern[] = "/tmp/watchbell-hit-bench-XXXXXX";
    if (mkdtemp(pattern) == nullptr) throw std::runtime_error("no temporary directory");
    directory = pattern;
    std::ofstream texts_file(directory + "/keys");
    for (const auto& text : texts) texts_file << text << '\n';
    std::ofstream reads_file(directory + "/reads");
    for (const auto index : reads) reads_file << index << '\n';
    texts_file.close();
    reads_file.close();
    caffeine = std::make_unique<Child>(std::vector<std::string>{
        report.option("--java", "java"), "-cp", jar, report.option("--source", "CaffeineHits.java"), directory + "/keys",
        directory + "/reads"});
    for (const double end = wall() + 10; wall() < end;) {
      caffeine->ask("expiring 2000000");
      caffeine->ask("plain 2000000");
    }
  }

  std::map<std::string, std::vector<double>> ns;
  cpu_a_read(reads, 1, kept);
  for (int round = 0; round < kRounds; ++round) {
    // The first pass of each brings its memory into the processor's caches, as it is in use.
    const auto measure = [&](const char* name, std::size_t times, const auto& read) {
      cpu_a_read(reads, 1, read);
      ns[name].push_back(cpu_a_read(reads, times, read));
    };
    measure("kept", 8, kept);
    {
      std::atomic<int> ready = 0;
      double cpu[2] = {};
      const auto body = [&](double& mine) {
        cpu_a_read(reads, 1, kept);
        for (++ready; ready.load() != 2;) std::this_thread::yield();
        mine = cpu_a_read(reads, 8, kept);
      };
      std::thread other(body, std::ref(cpu[0]));
      body(cpu[1]);
      other.join();
      ns["kept, 2 threads"].push_back((cpu[0] + cpu[1]) / 2);
    }
    measure("hashed", 8, hashed);
    measure("flat_map", 8, [&](std::uint32_t i) { return flat.find(texts[i])->second != nullptr; });
    measure("hashed, 3 segments", 8, segments);
    measure("mutex", 4, [&](std::uint32_t i) { return locked.find(texts[i]) != nullptr; });
    measure("TBB", 1, [&](std::uint32_t i) { return !tbb[texts[i]].value().empty(); });
    if (caffeine) {
      caffeine->ask("expiring 300000");
      ns["Caffeine"].push_back(caffeine->ask("expiring 2097152"));
      caffeine->ask("plain 300000");
      ns["Caffeine, no expiry"].push_back(caffeine->ask("plain 2097152"));
    }
  }
  caffeine.reset();
  if (!directory.empty()) {
    std::remove((directory + "/keys").c_str());
    std::remove((directory + "/reads").c_str());
    rmdir(directory.c_str());
  }

  const std::uint64_t before = allocations;
  cpu_a_read(reads, 1, kept);
  cpu_a_read(reads, 1, hashed);
  cpu_a_read(reads, 1, segments);
  const std::uint64_t allocated = allocations - before;

  const auto of = [&](const char* name) { return best(ns[name]); };
  report.at_most("hit, hash kept in the key", of("kept"), "ns", 15);
  report.at_most("hit, hashing included / flat_map::find, hashing included", of("hashed") / of("flat_map"), "", 1.2);
  report.note("  hit, key made from the text", of("hashed"), "ns");
  report.note("  boost::unordered_flat_map<std::string, ..>::find", of("flat_map"), "ns");
  report.note("  hit, hash kept / flat_map::find", of("kept") / of("flat_map"), "");
  report.note("  hit, key made from three segments", of("hashed, 3 segments"), "ns");
  report.at_most("hit on each of 2 threads / on 1", of("kept, 2 threads") / of("kept"), "", 1.1);
  report.at_most("allocations in 786,432 hits of three kinds of key", static_cast<double>(allocated), "", 0);
  if (ns.contains("Caffeine")) {
    report.at_most("hit, hash kept / Caffeine 2.6.2 with expiry, hash kept", of("kept") / of("Caffeine"), "", 0.5);
    report.note("  Caffeine, expireAfterWrite", of("Caffeine"), "ns");
    report.note("  Caffeine without expiry", of("Caffeine, no expiry"), "ns");
    report.note("  hit, hash kept / Caffeine without expiry", of("kept") / of("Caffeine, no expiry"), "");
  } else {
    report.missing("hit, hash kept / Caffeine");
  }
  report.at_most("hit, hash kept / tbb::concurrent_lru_cache", of("kept") / of("TBB"), "", 0.1);
  report.note("  tbb::concurrent_lru_cache", of("TBB"), "ns");
  report.note("hit, hashing included / std::mutex, unordered_map and list", of("hashed") / of("mutex"), "");
  report.note("  std::mutex, unordered_map and list", of("mutex"), "ns");
  for (const auto& [name, values] : ns) report.raw(name + ", ns", values);
  return report.finish();
}

}  // namespace
}  // namespace watchbell::cache::bench

int main(int argc, char** argv) { return watchbell::cache::bench::run(argc, argv); }
