#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domains/notification/types.hpp"
#include "platform/markdown/markdown.hpp"

/// How channels show what a message is about. Pure functions.
namespace watchbell::notification::channels {

/// Over a list of subjects.
inline constexpr std::string_view kAbout = "About";

std::string_view mark_of(const std::optional<SubjectStatus>& status) noexcept;

/// A line a subject: its mark and its name, which leads where the subject says, in that form. A link that does not fit is left out and so are subjects that
/// do not, the last line telling how many; empty when not even one fits.
std::string subject_lines(markdown::Format format, const std::vector<Subject>& subjects, markdown::Limit limit = {});

/// The body in that form and, below a heading, what the message is about; empty when there is neither. The subjects take at most half of the limit.
std::string body_of(markdown::Format format, const Message& message, markdown::Limit limit = {});

}  // namespace watchbell::notification::channels
