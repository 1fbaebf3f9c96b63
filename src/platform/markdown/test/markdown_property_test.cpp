#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "platform/markdown/test/checks.hpp"

namespace watchbell::markdown {
namespace {

/// Text of pieces that matter, in any order.
rc::Gen<std::string> messages() {
  return rc::gen::map(rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(std::vector<std::string>{"a",
                                                                                                               "word ",
                                                                                                               "\n",
                                                                                                               "\n\n",
                                                                                                               " ",
                                                                                                               "  ",
                                                                                                               "    ",
                                                                                                               "*",
                                                                                                               "**",
                                                                                                               "_",
                                                                                                               "`",
                                                                                                               "```\n",
                                                                                                               "~~~",
                                                                                                               "#",
                                                                                                               "# ",
                                                                                                               "- ",
                                                                                                               "1. ",
                                                                                                               "+ ",
                                                                                                               "> ",
                                                                                                               ">",
                                                                                                               "<",
                                                                                                               "&",
                                                                                                               "\"",
                                                                                                               "|",
                                                                                                               "]",
                                                                                                               "[",
                                                                                                               "](",
                                                                                                               ")",
                                                                                                               "![",
                                                                                                               "(",
                                                                                                               "<script",
                                                                                                               "<script>alert(1)</script>",
                                                                                                               "</",
                                                                                                               "<b>",
                                                                                                               "<!-- ",
                                                                                                               "-->",
                                                                                                               "<!channel>",
                                                                                                               "<@all>",
                                                                                                               "@everyone",
                                                                                                               "@here",
                                                                                                               "@",
                                                                                                               "everyone",
                                                                                                               "&#64;",
                                                                                                               "&lt;",
                                                                                                               "&amp;",
                                                                                                               "http://a.test/x_y",
                                                                                                               "https://",
                                                                                                               "<https://a.test/?a=1&b=2>",
                                                                                                               "](https://a.test/)",
                                                                                                               "](javascript:alert(1))",
                                                                                                               "](data:text/html,x)",
                                                                                                               "](mailto:a@b.test)",
                                                                                                               "<a@b.test>",
                                                                                                               "\\",
                                                                                                               "---\n",
                                                                                                               "===\n",
                                                                                                               "\t",
                                                                                                               "\x01",
                                                                                                               "\x7f",
                                                                                                               "é",
                                                                                                               "😀",
                                                                                                               "\xf0\x9f",
                                                                                                               "\xff",
                                                                                                               "ˋ",
                                                                                                               "…"})),
                      [](const std::vector<std::string>& pieces) {
                        std::string text;
                        for (const auto& piece : pieces) text += piece;
                        return text;
                      });
}

RC_GTEST_PROP(Markdown, N_13_no_form_of_any_message_does_harm, ()) {
  const auto text = *messages();
  const auto max = *rc::gen::inRange<std::size_t>(0, 200);
  const auto why = test::judge_all(text, max);
  RC_ASSERT(why == "");
}

RC_GTEST_PROP(Markdown, what_fits_is_not_cut, ()) {
  const auto text = *messages();
  for (const auto format : test::kFormats) {
    for (const auto unit : test::kUnits) {
      const auto whole = render(format, text);
      RC_ASSERT(render(format, text, {.max = length(whole, unit), .unit = unit}) == whole);
    }
  }
}

}  // namespace
}  // namespace watchbell::markdown
