#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <limits>
#include <map>
#include <numeric>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

/// What the benchmark programs share: the clock of CPU time, the order of keys, the table and the record.
namespace watchbell::cache::bench {

inline constexpr std::uint64_t kSeed = 20240229;
inline constexpr int kRounds = 10;

inline double seconds_of(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}
inline double thread_cpu() { return seconds_of(CLOCK_THREAD_CPUTIME_ID); }
inline double wall() { return seconds_of(CLOCK_MONOTONIC); }

inline double best(const std::vector<double>& values) { return *std::min_element(values.begin(), values.end()); }
inline double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// Indices below `count` whose frequencies follow Zipf's law of this exponent; which are the frequent ones is random.
inline std::vector<std::uint32_t> zipf(std::uint32_t count, std::size_t length, double exponent = 0.99) {
  std::mt19937_64 random(kSeed);
  std::vector<double> sums(count);
  double sum = 0;
  for (std::uint32_t rank = 0; rank < count; ++rank) sums[rank] = sum += 1 / std::pow(rank + 1, exponent);
  std::vector<std::uint32_t> of_rank(count);
  std::iota(of_rank.begin(), of_rank.end(), 0u);
  std::shuffle(of_rank.begin(), of_rank.end(), random);
  std::uniform_real_distribution<double> uniform(0, sum);
  std::vector<std::uint32_t> indices(length);
  for (auto& index : indices) {
    const auto at = std::lower_bound(sums.begin(), sums.end() - 1, uniform(random));
    index = of_rank[static_cast<std::size_t>(at - sums.begin())];
  }
  return indices;
}

/// Keeps what is given to it from being optimised away.
template <class T>
void keep(const T& value) {
  asm volatile("" : : "r,m"(value) : "memory");
}

/// The table that is printed and the record that is kept. Program options: --record FILE, and any `--name value`.
class Report {
 public:
  Report(int argc, char** argv, std::string question) : question_(std::move(question)) {
    for (int i = 1; i + 1 < argc; i += 2) options_[argv[i]] = argv[i + 1];
    std::printf("%s\n%-70s | %14s | %14s | ok\n", question_.c_str(), "what", "measured", "bound");
  }

  std::string option(const std::string& name, const std::string& otherwise = {}) const {
    const auto found = options_.find(name);
    return found == options_.end() ? otherwise : found->second;
  }

  void at_most(const std::string& what, double measured, const std::string& unit, double bound) {
    row(what, measured, unit, bound, measured <= bound);
  }
  /// Without a bound.
  void note(const std::string& what, double measured, const std::string& unit) {
    row(what, measured, unit, std::nullopt, true);
  }
  void missing(const std::string& what) { row(what, std::nan(""), "not measured", std::nullopt, false); }
  void raw(const std::string& name, const std::vector<double>& values) { raw_.emplace_back(name, values); }

  /// @returns the exit code
  int finish() const {
    if (const std::string file = option("--record"); !file.empty()) write(file);
    return all_ok_ ? EXIT_SUCCESS : EXIT_FAILURE;
  }

 private:
  struct Row {
    std::string what;
    double measured;
    std::string unit;
    std::optional<double> bound;
    bool ok;
  };

  void row(const std::string& what, double measured, const std::string& unit, std::optional<double> bound, bool ok) {
    rows_.push_back({what, measured, unit, bound, ok});
    all_ok_ = all_ok_ && ok;
    char limit[32] = "";
    if (bound) std::snprintf(limit, sizeof limit, "%.4g %s", *bound, unit.c_str());
    char value[48];
    std::snprintf(value, sizeof value, "%.4g %s", measured, unit.c_str());
    std::printf("%-70s | %14s | %14s | %s\n", what.c_str(), value, limit, bound ? (ok ? "yes" : "NO") : (ok ? "" : "NO"));
    std::fflush(stdout);
  }

  static std::string quoted(std::string_view text) {
    std::string quoted = "\"";
    for (const char c : text) {
      if (c == '"' || c == '\\') quoted += '\\';
      if (static_cast<unsigned char>(c) >= 0x20) quoted += c;
    }
    return quoted + '"';
  }
  static std::string number(double value) {
    if (!std::isfinite(value)) return "null";
    char text[32];
    std::snprintf(text, sizeof text, "%.6g", value);
    return text;
  }
  static std::string cpu_model() {
    std::ifstream info("/proc/cpuinfo");
    for (std::string line; std::getline(info, line);)
      if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
    return "unknown";
  }

  void write(const std::string& file) const {
    std::ofstream out(file);
    out << "{\n \"question\": " << quoted(question_) << ",\n \"commit\": " << quoted(option("--commit", "unknown"))
        << ",\n \"dirty\": " << option("--dirty", "null") << ",\n \"date\": " << quoted(option("--date", "unknown"))
        << ",\n \"compiler\": " << quoted(__VERSION__) << ",\n \"flags\": " << quoted(WATCHBELL_BENCH_FLAGS)
        << ",\n \"cpu\": " << quoted(cpu_model()) << ",\n \"cores\": " << std::thread::hardware_concurrency()
        << ",\n \"seed\": " << kSeed << ",\n \"rounds\": " << kRounds << ",\n \"rows\": [\n";
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      const Row& row = rows_[i];
      out << "  {\"what\": " << quoted(row.what) << ", \"measured\": " << number(row.measured)
          << ", \"unit\": " << quoted(row.unit) << ", \"bound\": " << (row.bound ? number(*row.bound) : "null")
          << ", \"ok\": " << (row.ok ? "true" : "false") << "}" << (i + 1 < rows_.size() ? "," : "") << "\n";
    }
    out << " ],\n \"raw\": {";
    for (std::size_t i = 0; i < raw_.size(); ++i) {
      out << (i == 0 ? "\n  " : ",\n  ") << quoted(raw_[i].first) << ": [";
      for (std::size_t at = 0; at < raw_[i].second.size(); ++at) out << (at == 0 ? "" : ", ") << number(raw_[i].second[at]);
      out << "]";
    }
    out << "\n }\n}\n";
    std::printf("record: %s\n", file.c_str());
  }

  const std::string question_;
  std::map<std::string, std::string> options_;
  std::vector<Row> rows_;
  std::vector<std::pair<std::string, std::vector<double>>> raw_;
  bool all_ok_ = true;
};

}  // namespace watchbell::cache::bench
