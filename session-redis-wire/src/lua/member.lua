-- KEYS session. ARGV: principal. Answers {1, created_at, last_accessed_at} if it is this principal's.
local s = session(KEYS[1])
if not s or s.principal ~= ARGV[1] then return { 0 } end
return { 1, s.created_at, s.last_accessed_at }
