-- KEYS: any key of the node that is meant. ARGV: cursor, prefix of the keys, number of keys to look
-- at. Returns {DONE, next cursor, then of each live session: suffix of its key, created_at,
-- last_accessed_at, TTL in seconds, what remains, deadline or 0, principal or nil, public id or
-- nil, login_at or nil}.
local cursor, prefix, count = ARGV[1], ARGV[2], ARGV[3]

local found = redis.call('SCAN', cursor, 'MATCH', prefix .. '*', 'COUNT', count, 'TYPE', 'hash')
local reply, last = { DONE, found[1] }, 2
for _, key in ipairs(found[2]) do
  local is_here, s = pcall(session, key)
  if not is_here then
    -- The key's slot is migrating to this node of a cluster; scripts may not look at it yet.
    if not is_elsewhere(s) then error(s) end
  elseif s then
    reply[last + 1], reply[last + 2], reply[last + 3] = string.sub(key, #prefix + 1), s.created_at, s.last_accessed_at
    reply[last + 4], reply[last + 5], reply[last + 6] = s.ttl, redis.call('PTTL', key), s.deadline or 0
    reply[last + 7], reply[last + 8], reply[last + 9] = s.principal, s.public_id, s.login_at
    last = last + 9
  end
end
return reply
