// Keys from any segments: equal exactly when the segments are, and read back segment by segment.
#include <watchbell/cache/key.hpp>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace watchbell::cache {
namespace {

using Segments = std::vector<std::optional<std::string>>;

Key key_of(const Segments& segments) {
  KeyBuilder builder;
  for (const auto& segment : segments) builder.add(segment);
  return builder.key();
}

/// Few letters, so that different lists of segments often have the same concatenation.
rc::Gen<Segments> segments() {
  const auto letter = rc::gen::element('\0', '\1', '\2', '\3', ':', 'a');
  return rc::gen::nonEmpty(rc::gen::container<Segments>(
      rc::gen::apply([](bool absent, std::string text) { return absent ? std::nullopt : std::optional(text); },
                     rc::gen::element(false, false, false, true), rc::gen::container<std::string>(letter))));
}

RC_GTEST_PROP(KeyProperty, C_22_keys_are_equal_exactly_when_their_segments_are, ()) {
  const auto a = *segments();
  const auto b = *segments();
  RC_ASSERT((key_of(a) == key_of(b)) == (a == b));
  RC_ASSERT(key_of(a) == key_of(Segments(a)));
}

RC_GTEST_PROP(KeyProperty, C_22_no_key_is_a_textual_prefix_of_another_except_by_segment, ()) {
  const auto a = *segments();
  const auto b = *segments();
  const std::string whole(key_of(b).encoded());
  const bool by_text = whole.starts_with(key_of(a).encoded());
  const bool by_segment =
      a.size() <= b.size() && std::equal(a.begin(), a.end(), b.begin());
  RC_ASSERT(by_text == by_segment);
}

RC_GTEST_PROP(KeyProperty, C_22_an_encoding_splits_into_its_segments, ()) {
  const auto list = *segments();
  const Key key = key_of(list);
  std::size_t count = 0;
  std::string joined;
  for (detail::SegmentReader reader(key.encoded()); !reader.at_end(); ++count) joined += reader.next();
  RC_ASSERT(count == list.size());
  RC_ASSERT(joined == key.encoded());
}

}  // namespace
}  // namespace watchbell::cache
