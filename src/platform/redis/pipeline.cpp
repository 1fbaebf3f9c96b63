#include "platform/redis/pipeline.hpp"

#include <cerrno>

#include "base/assert.hpp"

namespace watchbell::redis {

Call::~Call() { leave(); }

void Call::leave() noexcept {
  if (pipeline_ != nullptr) pipeline_->leave(*this);
}

void Call::finish(Outcome<std::vector<Reply>> with) {
  if (outcome) return;
  leave();
  unlink();
  outcome.emplace(std::move(with));
  on_finished();
}

Pipeline::~Pipeline() {
  WATCHBELL_ASSERT(queued_.empty());
  for (const Sent& sent : sent_) WATCHBELL_ASSERT(sent.call == nullptr);
}

void Pipeline::submit(Call& call) {
  WATCHBELL_ASSERT(call.commands_ > 0 && call.pipeline_ == nullptr && !call.outcome);
  call.unlink();
  call.pipeline_ = this;
  queued_.push_back(call);
  outstanding_ += call.commands_;
  queued_bytes_ += call.bytes_.size();
}

Pipeline::Batch Pipeline::take_output() {
  Batch batch;
  while (!queued_.empty()) {
    Call& call = queued_.front();
    queued_.pop_front();
    if (batch.bytes.empty())
      batch.bytes = std::move(call.bytes_);
    else
      batch.bytes += call.bytes_;
    batch.commands += call.commands_;
    call.bytes_ = std::string();
    call.sent_ = &sent_.emplace_back(&call, call.commands_, 0, call.deadline_);
  }
  queued_bytes_ = 0;
  return batch;
}

boost::system::error_code Pipeline::receive(std::string_view bytes) {
  reader_.feed(bytes);
  while (true) {
    auto next = reader_.next();
    if (!next) {
      why_ = reader_.why();
      return next.error();
    }
    if (!*next) return {};
    if (sent_.empty()) {
      why_ = "a reply nobody asked for";
      return {EBADMSG, boost::system::system_category()};
    }
    Sent& sent = sent_.front();
    --outstanding_;
    ++received_;
    if (sent.call != nullptr)
      sent.call->replies_.push_back(std::move(**next));
    else
      ++discarded_;
    if (++sent.answered < sent.commands) continue;
    Call* const call = sent.call;
    sent_.pop_front();
    reader_.begin_call();
    if (call == nullptr) continue;
    call->pipeline_ = nullptr;
    call->sent_ = nullptr;
    call->finish(std::move(call->replies_));
  }
}

void Pipeline::fail(boost::system::error_code error) {
  while (!queued_.empty()) queued_.front().finish(error);
  for (Sent& sent : sent_)
    if (sent.call != nullptr) sent.call->finish(error);
  sent_.clear();
  outstanding_ = 0;
}

std::optional<Monotonic> Pipeline::oldest_deadline() const noexcept {
  if (sent_.empty()) return std::nullopt;
  return sent_.front().deadline;
}

void Pipeline::leave(Call& call) noexcept {
  if (call.sent_ != nullptr) {
    static_cast<Sent*>(call.sent_)->call = nullptr;
    call.sent_ = nullptr;
  } else {
    outstanding_ -= call.commands_;
    queued_bytes_ -= call.bytes_.size();
  }
  call.pipeline_ = nullptr;
  call.unlink();
}

}  // namespace watchbell::redis
