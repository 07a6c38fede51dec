-- KEYS: index. ARGV: index prefix, principal, least score ('-inf' to begin), number of entries to look at.
-- Returns {DONE, entries looked at, greatest score, then of each live session: entry, created_at,
-- last_accessed_at}; removes the entries of ended ones.
local index = KEYS[1]
local index_prefix, principal, least, count = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

local now = milliseconds()
prune(index, now)
if least == '-inf' then least = after(now) end
local entries = redis.call('ZRANGEBYSCORE', index, least, '+inf', 'WITHSCORES', 'LIMIT', 0, count)
local reply = { DONE, #entries / 2, entries[#entries] or '' }
for i = 1, #entries, 2 do
  local entry = entries[i]
  local s = session_of(index_prefix, principal, entry)
  if s then
    reply[#reply + 1] = entry
    reply[#reply + 1] = s.created_at
    reply[#reply + 1] = s.last_accessed_at
  else
    redis.call('ZREM', index, entry)
  end
end
return reply
