-- KEYS: session. ARGV: index prefix, the principal and the public id that the session is to have or
-- ''. Returns {DONE, the principal and the public id that it was listed with or nil} when there was
-- a session.
local key = KEYS[1]
local index_prefix, owner, owner_public_id = ARGV[1], ARGV[2], ARGV[3]

local s, code = session_of_owner(key, owner, owner_public_id)
if not s then return { code } end
require_removable(index_prefix, s, key)
redis.call('DEL', key)
has_begun = true
index_remove(index_prefix, s, key)
local was_listed = is_listed(s)
return { DONE, was_listed and s.principal, was_listed and s.public_id }
