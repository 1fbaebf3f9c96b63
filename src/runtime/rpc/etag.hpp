#pragma once

#include <string>
#include <string_view>

namespace watchbell::rpc {

/// The strong entity tag of an answer: quoted, from a SHA-256 of its bytes, so that nobody can make two answers of one tag. O(bytes).
std::string etag_of(std::string_view bytes);

/// Whether an If-None-Match header holds the tag: a list of tags, weak ones too (RFC 9110, 13.1.2), or `*`.
bool names_etag(std::string_view if_none_match, std::string_view tag);

}  // namespace watchbell::rpc
