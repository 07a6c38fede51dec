-- KEYS: session. ARGV: principal. Returns {DONE, created_at, last_accessed_at} if it is this principal's.
local principal = ARGV[1]

local s = session(KEYS[1])
if not s or s.principal ~= principal then return { NOT_FOUND } end
return { DONE, s.created_at, s.last_accessed_at }
