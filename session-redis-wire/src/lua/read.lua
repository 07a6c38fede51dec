-- KEYS session. ARGV: last_accessed_at, touch policy, 1 to answer the fields as well.
-- Answers {1, remaining[, fields]}; remaining is in milliseconds, -1 for a key without expiry.
local key = KEYS[1]
local s, gone = session(key)
if not s then return { gone } end
local remaining
if due(key, s, ARGV[2]) then
  remaining = touch(key, s, ARGV[1])
else
  remaining = redis.call('PTTL', key)
end
if ARGV[3] ~= '1' then return { 1, remaining } end
return { 1, remaining, redis.call('HGETALL', key) }
