-- KEYS: session. ARGV: principal, public id, names of fields.
-- Returns {DONE, created_at, last_accessed_at, login_at or nil, the fields or nil} if it is this
-- principal's.
local owner, owner_public_id = ARGV[1], ARGV[2]
local FIELDS = 3

local s, code = session_of_owner(KEYS[1], owner, owner_public_id)
if not s then return { code } end
local reply = { DONE, s.created_at, s.last_accessed_at, s.login_at }
if ARGV[FIELDS] then
  for i, value in ipairs(redis.call('HMGET', KEYS[1], unpack(ARGV, FIELDS))) do reply[4 + i] = value end
end
return reply
