-- KEYS: session. ARGV: index prefix, a principal whose session alone is meant or ''.
-- Returns {DONE, its principal or nil} when there was a session.
local key = KEYS[1]
local index_prefix, owner = ARGV[1], ARGV[2]

local s, code = session(key)
if not s then return { code } end
if owner ~= '' and s.principal ~= owner then return { NOT_FOUND } end
redis.call('DEL', key)
index_remove(index_prefix, s.principal, entry_of(index_prefix, key))
return { DONE, s.principal }
