-- KEYS: session. ARGV: last_accessed_at, touch policy, the principal and the public id that the
-- session is to have, index prefix. Returns {DONE, remaining, fields}; remaining is in
-- milliseconds, -1 for a key without expiry.
local key = KEYS[1]
local stamp, policy = ARGV[1], ARGV[2]
local owner, owner_public_id, index_prefix = ARGV[3], ARGV[4], ARGV[5]

local s, code = session_of_owner(key, owner, owner_public_id)
if not s then return { code } end
require_right('HGETALL', key)
local remaining
if due(key, s.ttl, s.deadline, s.now, policy) then
  local _, expire, expiry = expiry_of(s.ttl, s.deadline, s.now)
  require_right(expire, key, expiry)
  remaining = touch(key, s, stamp)
  index_heal(index_prefix, s, key)
else
  remaining = redis.call('PTTL', key)
end
return { DONE, remaining, redis.call('HGETALL', key) }
