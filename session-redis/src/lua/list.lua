-- KEYS: index. ARGV: index prefix, principal, least score ('-inf' to begin), number of entries to
-- look at. Returns {DONE, entries looked at, greatest score, then of each live session: entry,
-- created_at, last_accessed_at, login_at or nil}; removes the entries of ended ones.
local index = KEYS[1]
local index_prefix, principal, least, count = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

local now = milliseconds()
prune(index, now)
if least == '-inf' then least = after(now) end
local entries = redis.call('ZRANGEBYSCORE', index, least, '+inf', 'WITHSCORES', 'LIMIT', 0, count)
local reply, last = { DONE, #entries / 2, entries[#entries] or '' }, 3
for i = 1, #entries, 2 do
  local s = session_of(index_prefix, principal, entries[i])
  if s then
    reply[last + 1], reply[last + 2] = entries[i], s.created_at
    reply[last + 3], reply[last + 4] = s.last_accessed_at, s.login_at
    last = last + 4
  else
    redis.call('ZREM', index, entries[i])
  end
end
return reply
