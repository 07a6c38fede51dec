-- KEYS session. ARGV: index prefix. Answers {1} when there was a session.
local key, index_prefix = KEYS[1], ARGV[1]
local s, gone = session(key)
if not s then return { gone } end
redis.call('DEL', key)
index_remove(index_prefix, s.principal, name_of(index_prefix, key))
return { 1 }
