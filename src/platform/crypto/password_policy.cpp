#include "platform/crypto/password_policy.hpp"

#include <algorithm>
#include <iterator>
#include <string>

#include "base/text.hpp"

namespace watchbell::crypto {
namespace {

// Words that make most of the first thousand passwords of every leak, in the form plain_word() gives.
constexpr std::string_view kWords[] = {
    "abc",        "abcabc",    "abcd",      "abcde",     "abcdef",    "abcdefg",    "abcdefgh", "access",   "admin",     "administrator",
    "asdf",       "asdfasdf",  "asdfgh",    "asdfghjkl", "asdfjkl",   "ashley",     "azerty",   "bailey",   "baseball",  "batman",
    "changeme",   "charlie",   "chelsea",   "computer",  "daniel",    "default",    "dragon",   "flower",   "football",  "freedom",
    "george",     "guest",     "harley",    "hello",     "hunter",    "iloveyou",   "internet", "jennifer", "jessica",   "jordan",
    "killer",     "letmein",   "liverpool", "login",     "love",      "lovely",     "maggie",   "master",   "michael",   "michelle",
    "monkey",     "mustang",   "mypassword", "newpassword", "ninja",  "nicole",     "pass",     "password", "passwordpassword", "passwort",
    "pepper",     "pokemon",   "princess",  "qazwsx",    "qazwsxedc", "qwer",       "qwert",    "qwerty",   "qwertyui",  "qwertyuiop",
    "qwertz",     "root",      "samsung",   "secret",    "server",    "shadow",     "soccer",   "starwars", "summer",    "sunshine",
    "superman",   "system",    "temporary", "test",      "testtest",  "trustno",    "user",     "watchbell", "welcome",  "whatever",
    "winter",     "zxcvbnm"};

// Those that digits hold together, in lower case.
constexpr std::string_view kPhrases[] = {"1a2b3c4d", "1q2w3e4r", "1q2w3e4r5t", "1q2w3e4r5t6y", "1qaz2wsx", "1qaz2wsx3edc",
                                                     "a1b2c3d4", "aa123456", "abc12345", "abcd1234", "p4ssw0rd", "q1w2e3r4",
                                                     "q1w2e3r4t5", "qwe123qwe", "zaq12wsx", "zaq1zaq1"};

bool letter(char c) noexcept { return c >= 'a' && c <= 'z'; }

/// The letter a digit or sign commonly stands for inside a word.
char plain(char c) noexcept {
  switch (c) {
    case '0': return 'o';
    case '1': return 'i';
    case '3': return 'e';
    case '4': case '@': return 'a';
    case '5': case '$': return 's';
    case '7': return 't';
    case '!': return 'i';
    default: return c;
  }
}

/// Lower case, without what is no letter at both ends, substitutions undone: "P@ssw0rd123!" is "password".
std::string plain_word(const std::string& lower) {
  const auto first = std::ranges::find_if(lower, letter);
  const auto last = std::find_if(lower.rbegin(), lower.rend(), letter).base();
  if (first >= last) return {};
  std::string word(first, last);
  std::ranges::transform(word, word.begin(), plain);
  return word;
}

bool common(std::string_view password) {
  const std::string lower = ascii_lower(password);
  return std::ranges::find(kPhrases, lower) != std::end(kPhrases) || std::ranges::find(kWords, plain_word(lower)) != std::end(kWords);
}

}  // namespace

std::optional<PasswordProblem> judge_password(std::string_view password) {
  if (!is_utf8(password)) return PasswordProblem::not_text;
  const std::size_t length = utf16_length(password);
  if (length < kPasswordMin) return PasswordProblem::too_short;
  if (length > kPasswordMax) return PasswordProblem::too_long;
  const auto has = [&](char from, char to) { return std::ranges::any_of(password, [=](char c) { return c >= from && c <= to; }); };
  if (!has('A', 'Z')) return PasswordProblem::no_upper_case;
  if (!has('a', 'z')) return PasswordProblem::no_lower_case;
  if (!has('0', '9')) return PasswordProblem::no_digit;
  if (common(password)) return PasswordProblem::common;
  return std::nullopt;
}

Result<void> check_password(std::string_view password) {
  const auto problem = judge_password(password);
  if (!problem) return {};
  const auto refuse = [](std::string_view why) -> Result<void> { return fail_field(ErrorCode::bad_request, "password", "{}", why); };
  switch (*problem) {
    case PasswordProblem::not_text: return refuse("The password is not valid text");
    case PasswordProblem::too_short: return refuse("The password must have at least 8 characters");
    case PasswordProblem::too_long: return refuse("The password must have at most 128 characters");
    case PasswordProblem::no_upper_case: return refuse("The password must contain an upper-case letter (A to Z)");
    case PasswordProblem::no_lower_case: return refuse("The password must contain a lower-case letter (a to z)");
    case PasswordProblem::no_digit: return refuse("The password must contain a digit");
    case PasswordProblem::common: return refuse("The password is one of those everybody tries first; choose another");
  }
  return {};
}

}  // namespace watchbell::crypto
