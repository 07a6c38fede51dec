-- KEYS: session. ARGV: last_accessed_at, touch policy, 1 to return the fields as well, the
-- principal and the public id that the session is to have or '', index prefix. Returns {DONE,
-- remaining[, fields]}; remaining is in milliseconds, -1 for a key without expiry.
local key = KEYS[1]
local stamp, policy, returns_fields = ARGV[1], ARGV[2], ARGV[3] == '1'
local owner, owner_public_id, index_prefix = ARGV[4], ARGV[5], ARGV[6]

local s, code = session_of_owner(key, owner, owner_public_id)
if not s then return { code } end
local remaining
if due(key, s, policy) then
  require_right(s.deadline and 'PEXPIREAT' or 'EXPIRE', key)
  if returns_fields then require_right('HGETALL', key) end
  remaining = touch(key, s, stamp)
  index_heal(index_prefix, s, key)
else
  remaining = redis.call('PTTL', key)
end
if not returns_fields then return { DONE, remaining } end
return { DONE, remaining, redis.call('HGETALL', key) }
