-- KEYS: session. ARGV: principal, public id.
-- Returns {DONE, created_at, last_accessed_at, login_at or nil} if it is this principal's.
local owner, owner_public_id = ARGV[1], ARGV[2]

local s, code = session_of_owner(KEYS[1], owner, owner_public_id)
if not s then return { code } end
return { DONE, s.created_at, s.last_accessed_at, s.login_at }
