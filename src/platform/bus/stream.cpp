#include "platform/bus/stream.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "base/assert.hpp"
#include "base/text.hpp"

namespace watchbell::bus {
namespace {

constexpr std::size_t kMostOfHead = 64 + 3 * 21 + 1;
constexpr std::size_t kLeastRoom = 160;

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 64 &&
         std::ranges::all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-'; });
}

struct Frame {
  std::string_view sender;
  std::uint64_t number = 0;
  std::uint64_t part = 0;
  std::uint64_t parts = 0;
  std::string_view piece;
};

std::optional<Frame> read(std::string_view bytes) {
  const auto end = bytes.substr(0, kMostOfHead).find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  Frame frame;
  frame.piece = bytes.substr(end + 1);
  auto head = bytes.substr(0, end);
  const auto word = [&] {
    const auto blank = head.find(' ');
    const auto found = head.substr(0, blank);
    head = blank == std::string_view::npos ? std::string_view() : head.substr(blank + 1);
    return found;
  };
  frame.sender = word();
  if (!is_name(frame.sender)) return std::nullopt;
  for (auto* const number : {&frame.number, &frame.part, &frame.parts}) {
    const auto digits = word();
    const auto [at, bad] = std::from_chars(digits.data(), digits.data() + digits.size(), *number);
    if (bad != std::errc() || at != digits.data() + digits.size() || *number == 0) return std::nullopt;
  }
  if (!head.empty() || frame.part > frame.parts || frame.part > frame.number) return std::nullopt;
  return frame;
}

}  // namespace

Outgoing::Outgoing(std::string sender, std::size_t most_bytes) : sender_(std::move(sender)), most_bytes_(most_bytes) {
  WATCHBELL_ASSERT(is_name(sender_) && most_bytes_ >= kMostOfHead + kLeastRoom);
}

std::vector<std::string> Outgoing::frames(std::string_view message) {
  std::vector<std::string_view> pieces;
  do {
    auto piece = utf8_prefix(message, most_bytes_ - kMostOfHead);
    if (piece.empty()) piece = message.substr(0, most_bytes_ - kMostOfHead);  // no text: its pieces are
    pieces.push_back(piece);
    message.remove_prefix(piece.size());
  } while (!message.empty());
  std::vector<std::string> frames;
  frames.reserve(pieces.size());
  for (std::size_t i = 0; i < pieces.size(); ++i) frames.push_back(fmt::format("{} {} {} {}\n{}", sender_, ++number_, i + 1, pieces.size(), pieces[i]));
  return frames;
}

Incoming::Heard Incoming::take(std::string_view bytes) {
  Heard heard;
  const auto frame = read(bytes);
  if (!frame) return heard;
  heard.sender = frame->sender;
  auto it = senders_.find(frame->sender);
  if (it == senders_.end()) {
    // More senders than a cluster has: they come and go. Whoever is forgotten too early is taken up again as one that is new.
    if (senders_.size() >= kMostSenders) senders_.clear();
    it = senders_.emplace(frame->sender, Sender{.last = frame->number - 1, .next_part = 1, .begun = {}}).first;
    // The middle of a message whose begin was sent before we listened.
    heard.gap = frame->part != 1;
  }
  auto& sender = it->second;
  if (frame->number <= sender.last) return heard;
  if (frame->number != sender.last + 1) heard.gap = true;
  sender.last = frame->number;
  if (frame->part == 1) {
    if (sender.next_part != 1) heard.gap = true;
    sender.begun.clear();
  } else if (heard.gap || frame->part != sender.next_part) {
    heard.gap = true;
    sender.next_part = 1;
    sender.begun.clear();
    return heard;
  }
  if (sender.begun.size() + frame->piece.size() > kMostBytes) {
    heard.gap = true;
    sender.next_part = 1;
    sender.begun.clear();
    return heard;
  }
  sender.begun.append(frame->piece);
  if (frame->part < frame->parts) {
    sender.next_part = frame->part + 1;
    return heard;
  }
  sender.next_part = 1;
  heard.message = std::move(sender.begun);
  sender.begun.clear();
  return heard;
}

}  // namespace watchbell::bus
