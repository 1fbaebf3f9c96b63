#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/result.hpp"
#include "runtime/rpc/area.hpp"

/// Procedures as plain HTTP: `/rest/<area>/<procedure>`, with JSON or a query string in and the value alone out. The same stages run as for RPC; here is
/// only what differs: the verb, how an input is read off a query string, how an answer looks.
namespace watchbell::rpc {

/// The verb a procedure has over REST: its own, else by convention GET for queries (POST for `getBulk...`), PATCH for `update...`, DELETE for `delete...`
/// and `remove...`, POST for other mutations.
std::string_view rest_method(const Procedure& procedure) noexcept;

/// The input of a GET as a struct, or null when the procedure has an input that no query string can carry: a bare text or list.
const Schema* query_object(const Schema& input) noexcept;

/// A query string in bracket notation as the JSON text of an input: `a=1`, `ids[0]=a&ids[1]=b`, `ids[]=a`, `filter[name]=x`. A repeated name is a list, a
/// lone value stands for a list of one where the schema has a list. Values become numbers and booleans (true, on, false, off, in any case) where the
/// schema has them and they read as such; otherwise they stay text, and validation says what is wrong. Indexes that leave gaps are names like any other, so
/// that what comes out is never longer than a few times what came in. ErrorCode::bad_request for brackets nested deeper than kMaxQueryDepth.
/// Empty for a query string without parameters. O(n log n).
inline constexpr std::size_t kMaxQueryDepth = 16;
Result<std::string> query_to_json(std::string_view query, const Schema& input);

/// The value in an RPC answer `{"json":VALUE,"meta":...}`: what REST answers. Empty for a void answer. Dates, big integers and the like already stand there in
/// their plain form. REQUIRES an envelope that we wrote. O(bytes of the value).
std::string_view value_of_envelope(std::string_view envelope) noexcept;

/// An error as REST clients of the wire know it: the members of the RPC error at top level.
std::string rest_error(const Error& error);
/// The same as problem details (RFC 9457), for who asks for `application/problem+json`: `type` about:blank, `title`, `status`, `detail`, and our members
/// `code` and `data`.
std::string problem_details(const Error& error);
inline constexpr std::string_view kProblemType = "application/problem+json";
/// Whether an Accept header asks for problem details by name; a wildcard does not.
bool accepts_problem(std::string_view accept);

}  // namespace watchbell::rpc
