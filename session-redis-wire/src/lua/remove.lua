-- KEYS session. ARGV: index prefix, a principal whose session alone is meant or ''.
-- Answers {1, its principal or nil} when there was a session.
local key, index_prefix = KEYS[1], ARGV[1]
local s, gone = session(key)
if not s then return { gone } end
if ARGV[2] ~= '' and s.principal ~= ARGV[2] then return { 0 } end
redis.call('DEL', key)
index_remove(index_prefix, s.principal, name_of(index_prefix, key))
return { 1, s.principal }
