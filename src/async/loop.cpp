#include "async/loop.hpp"

namespace watchbell::async {
namespace {
thread_local Loop* current = nullptr;
}

Loop::Loop() : context_(1) {}
Loop::~Loop() = default;

Loop::Mark::Mark(Loop& loop) noexcept : previous(current) { current = &loop; }
Loop::Mark::~Mark() { current = previous; }

void Loop::run() {
  const Mark mark(*this);
  context_.restart();
  context_.run();
}

bool Loop::on_loop() noexcept { return current != nullptr; }

}  // namespace watchbell::async
