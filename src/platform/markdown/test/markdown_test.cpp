#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "platform/markdown/test/checks.hpp"

namespace watchbell::markdown {
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// golden/NAME.md and what becomes of it, NAME.html, NAME.plain, ... each with a line end behind it. WATCHBELL_WRITE_GOLDEN=1 writes them anew, to be read in
/// the diff.
TEST(Markdown, golden_files) {
  const bool write = std::getenv("WATCHBELL_WRITE_GOLDEN") != nullptr;
  std::size_t messages = 0;
  for (const auto& entry : fs::directory_iterator(WATCHBELL_GOLDEN)) {
    if (entry.path().extension() != ".md") continue;
    ++messages;
    const auto text = read(entry.path());
    const auto compare = [&](const char* form, const std::string& made) {
      auto file = entry.path();
      file.replace_extension(form);
      if (write) std::ofstream(file, std::ios::binary) << made << "\n";
      EXPECT_EQ(made + "\n", read(file)) << file;
    };
    compare("html", to_mail_html(text));
    compare("plain", render(Format::plain, text));
    compare("slack", render(Format::slack, text));
    compare("telegram", render(Format::telegram, text));
    compare("discord", render(Format::discord, text));
    compare("webex", render(Format::webex, text));
    EXPECT_EQ(test::judge_all(text, 100), "") << entry.path();
  }
  EXPECT_GE(messages, 6u);
}

TEST(Markdown, N_13_a_long_message_is_cut_between_characters_and_closed) {
  EXPECT_EQ(render(Format::telegram, "**bold & _more_ words**", {.max = 27}), "<b>bold &amp; <i>m…</i></b>");
  EXPECT_EQ(render(Format::telegram, "a **&&**", {.max = 15}), "a <b>&amp;…</b>");
  EXPECT_EQ(render(Format::slack, "see [the page](https://a.test/) now", {.max = 26}), "see <https://a.test/|the…>");
  EXPECT_EQ(render(Format::slack, "see [the page](https://a.test/) now", {.max = 20}), "see …");
  EXPECT_EQ(render(Format::discord, "```\none\ntwo\nthree\n```", {.max = 16}), "```\none\ntwo…\n```");
  EXPECT_EQ(render(Format::plain, "ééé", {.max = 5, .unit = Limit::Unit::bytes}), "é…");
  EXPECT_EQ(render(Format::plain, "😀😀", {.max = 3}), "😀…");
  EXPECT_EQ(render(Format::plain, "abc", {.max = 3}), "abc");
  EXPECT_EQ(render(Format::plain, "abcd", {.max = 3}), "ab…");
  EXPECT_EQ(render(Format::plain, "abc", {.max = 1}), "…");
  EXPECT_EQ(render(Format::plain, "abc", {.max = 0}), "");
}

TEST(Markdown, N_13_titles_are_shown_as_they_are) {
  const std::string title = "*50 %* <!channel> @everyone\n& `x_y`";
  EXPECT_EQ(literal(Format::plain, title), "*50 %* <!channel> @everyone & `x_y`");
  EXPECT_EQ(literal(Format::slack, title), "*50 %* &lt;!channel&gt; @\u200beveryone &amp; `x_y`");
  EXPECT_EQ(literal(Format::telegram, title), "*50 %* &lt;!channel&gt; @everyone &amp; `x_y`");
  EXPECT_EQ(literal(Format::discord, title), "\\*50 %\\* \\<!channel\\> @\u200beveryone & \\`x\\_y\\`");
  EXPECT_EQ(literal(Format::webex, "<@all> @All"), "&lt;@\u200ball&gt; @\u200bAll");
  EXPECT_EQ(literal(Format::slack, "@ever\x1byone"), "@\u200beveryone") << "found by the fuzz target";
  EXPECT_EQ(literal(Format::plain, "abcdef", {.max = 4}), "abc…");
}

TEST(Markdown, links_with_plain_text) {
  const std::string url = "https://a.test/(x)?a=1&b=@here";
  EXPECT_EQ(link(Format::plain, "Op*n", url), "Op*n (https://a.test/%28x%29?a=1&b=%40here)");
  EXPECT_EQ(link(Format::slack, "a|b>", url), "<https://a.test/%28x%29?a=1&amp;b=%40here|a|b&gt;>");
  EXPECT_EQ(link(Format::telegram, "<b>", url), "<a href=\"https://a.test/%28x%29?a=1&amp;b=%40here\">&lt;b&gt;</a>");
  EXPECT_EQ(link(Format::discord, "Op*n]", url), "[Op\\*n\\]](https://a.test/%28x%29?a=1&b=%40here)");
  EXPECT_EQ(link(Format::webex, "Open", url), "[Open](https://a.test/%28x%29?a=1&amp;b=%40here)");
  for (const char* bad : {"javascript:alert(1)", "/path", "https://", "https://name@a.test/", "", "mailto:"})
    EXPECT_EQ(link(Format::slack, "x", bad), "") << bad;
}

TEST(Markdown, code_stays_within_its_quote_and_its_list) {
  EXPECT_EQ(render(Format::discord, "> ```\n> a\n>\n> b\n> ```\n>\n> end"), "> ```\n> a\n> \n> b\n> ```\n>\n> end");
  EXPECT_EQ(render(Format::webex, "1. ```\n   ```\n2. x"), "1. ```\n   \n   ```\n2. x");
  EXPECT_EQ(render(Format::plain, "- a\n\n      code\n- b"), "- a\n\n      code\n- b");
}

TEST(Markdown, marks_of_slack_end_with_the_line) { EXPECT_EQ(render(Format::slack, "**one\ntwo**"), "*one*\n*two*"); }

TEST(Markdown, N_13_no_call_of_everybody_is_put_together_from_parts) {
  // Marks inside marks of their kind are none, and an address that is shown bare has none either.
  EXPECT_EQ(render(Format::slack, "**a @**here** b**"), "*a @\u200bhere b*");
  EXPECT_EQ(render(Format::discord, "@<all@example.com>"), "@\u200ball@example.com");
  EXPECT_EQ(render(Format::discord, "**<**@1"), "**\\<**@\u200b1");
  EXPECT_EQ(render(Format::slack, "mail @ally and @bob"), "mail @\u200bally and @bob");
}

TEST(Markdown, nothing_of_nothing) {
  for (const auto format : test::kFormats) EXPECT_EQ(render(format, ""), "");
  EXPECT_EQ(to_mail_html(""), "");
}

/// Deep nesting must cost neither stack nor a multiple of the input.
TEST(Markdown, N_13_hostile_nesting_stays_in_proportion) {
  const auto repeated = [](std::string_view part, std::size_t n) {
    std::string text;
    while (n-- > 0) text += part;
    return text;
  };
  for (const auto& text : {repeated(">", 5000) + "x" + repeated("\nx", 2500), repeated("- ", 5000) + "x", repeated("[", 5000),
                           repeated("![", 2500) + repeated("](http://a.test)", 500), repeated("*a _b ", 1600), repeated("`", 9999), repeated("1.\n", 3300),
                           repeated("**a\n", 2500)}) {
    for (const auto format : test::kFormats) EXPECT_LT(render(format, text).size(), 200'000u) << text.substr(0, 10);
    EXPECT_LT(to_mail_html(text).size(), 400'000u);
  }
}

}  // namespace
}  // namespace watchbell::markdown
