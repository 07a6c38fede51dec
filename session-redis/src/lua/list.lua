-- KEYS: indexes. ARGV: index prefix, principal, least score ('-inf' to begin), number of entries to
-- look at in each. Returns {DONE, entries looked at in the one that had most, up to which score all
-- were looked at if one had so many, then of each live session: entry, created_at,
-- last_accessed_at, login_at or nil, score}; removes the entries of ended ones.
local index_prefix, principal, least, count = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])

local now = milliseconds()
local reply, last = { DONE, 0, '' }, 3
for _, index in ipairs(KEYS) do
  prune(index, now)
  local from = least == '-inf' and after(now) or least
  local entries = redis.call('ZRANGEBYSCORE', index, from, '+inf', 'WITHSCORES', 'LIMIT', 0, count)
  reply[2] = math.max(reply[2], #entries / 2)
  if #entries / 2 == count and (reply[3] == '' or tonumber(entries[#entries]) < tonumber(reply[3])) then
    reply[3] = entries[#entries]
  end
  for i = 1, #entries, 2 do
    local s = session_of(index_prefix, principal, entries[i])
    if s then
      reply[last + 1], reply[last + 2] = entries[i], s.created_at
      reply[last + 3], reply[last + 4] = s.last_accessed_at, s.login_at
      reply[last + 5] = entries[i + 1]
      last = last + 5
    else
      redis.call('ZREM', index, entries[i])
    end
  end
end
return reply
