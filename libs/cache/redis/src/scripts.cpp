#include "scripts.hpp"

#include "digest.hpp"

#include <utility>

namespace watchbell::cache::redis::detail {
namespace {

// What is at our keys may be anything: a value of another type is an error to GET and nothing to MGET.

const std::string kFamilies = R"lua(
local families = redis.call('MGET', unpack(KEYS, 3))
local complete = true
for i = 1, #families do
  if not families[i] or #families[i] ~= 16 then
    families[i] = false
    complete = false
  end
end
)lua";

// Sets `found` and `bad`; an entry that does not count is removed.
const std::string kFind = R"lua(
local found, bad = false, 0
local size = redis.pcall('STRLEN', KEYS[1])
if type(size) ~= 'number' or size > tonumber(ARGV[2]) then
  bad = 1
elseif size > 0 then
  local first = tonumber(ARGV[1])
  local last = first + 16 * #families
  local head = redis.call('GETRANGE', KEYS[1], 0, last - 1)
  if #head < last or string.sub(head, 1, 1) ~= ARGV[3] then
    bad = 1
  else
    found = complete and string.sub(head, first + 1) == table.concat(families)
  end
end
if not found and (bad == 1 or size > 0) then redis.call('UNLINK', KEYS[1]) end
)lua";

const std::string kHit = R"lua(
if found then return {1, 0, redis.call('GET', KEYS[1]), redis.call('PTTL', KEYS[1])} end
)lua";

// Makes absent family tokens and sets `state`, the present tokens.
const std::string kState = R"lua(
for i = 1, #families do
  local name = KEYS[i + 2]
  if not families[i] then
    redis.call('SET', name, ARGV[4], 'PX', ARGV[6])
    families[i] = ARGV[4]
  elseif redis.call('PTTL', name) * 2 < tonumber(ARGV[6]) then
    redis.call('PEXPIRE', name, ARGV[6])
  end
end
local state = table.concat(families)
)lua";

// A lease from before a family was dropped can never be used to fill, so it does not make others wait.
const std::string kHeld = R"lua(
local lease = redis.pcall('GET', KEYS[2])
if type(lease) == 'string' and string.sub(lease, 17) == state then return {3, bad, lease, 0} end
)lua";

const std::string kGrant = R"lua(
redis.call('SET', KEYS[2], ARGV[4] .. state, 'PX', ARGV[5])
return {2, bad, ARGV[4] .. state, 0}
)lua";

const std::string kFill = R"lua(
local lease = redis.pcall('GET', KEYS[2])
if lease ~= ARGV[1] then return 0 end
redis.call('UNLINK', KEYS[2])
if not complete or table.concat(families) ~= string.sub(lease, 17) then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
for i = 3, #KEYS do
  if redis.call('PTTL', KEYS[i]) < tonumber(ARGV[4]) then redis.call('PEXPIRE', KEYS[i], ARGV[4]) end
end
return 1
)lua";

// Offsets as in entry.hpp: the path's length at byte 5, the path at byte 9, both counted from 0.
const std::string kSweep = R"lua(
local removed = 0
for i = 1, #KEYS do
  local head = redis.pcall('GETRANGE', KEYS[i], 0, 8 + #ARGV[1])
  if type(head) == 'string' and #head == 9 + #ARGV[1] and string.sub(head, 10) == ARGV[1] then
    local a, b, c, d = string.byte(head, 6, 9)
    if a + 256 * (b + 256 * (c + 256 * d)) >= #ARGV[1] then removed = removed + redis.call('UNLINK', KEYS[i]) end
  end
end
return removed
)lua";

}  // namespace

Script::Script(std::string text) : source(std::move(text)), sha(hex(sha1(source))) {}

const Script& Scripts::get() {
  static const Script script(kFamilies + kFind + kHit + "return {0, bad, '', 0}\n");
  return script;
}

const Script& Scripts::has() {
  static const Script script(kFamilies + kFind + "return {found and 1 or 0, bad, '', 0}\n");
  return script;
}

const Script& Scripts::fetch() {
  static const Script script(kFamilies + kFind + kHit + kState + kHeld + kGrant);
  return script;
}

const Script& Scripts::claim() {
  static const Script script("local bad = 0\n" + kFamilies + kState + kGrant);
  return script;
}

const Script& Scripts::fill() {
  static const Script script(kFamilies + kFill);
  return script;
}

const Script& Scripts::sweep() {
  static const Script script(kSweep);
  return script;
}

}  // namespace watchbell::cache::redis::detail
