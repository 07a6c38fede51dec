-- KEYS: index. ARGV: index prefix, principal, the deadline and the public id that the page begins
-- behind, number of entries to look at, names of fields. Returns {DONE, entries looked at, score
-- and public id of the last, then of each live session: entry, created_at, last_accessed_at,
-- login_at or nil, the fields or nil}; removes the entries of ended ones.
local index = KEYS[1]
local index_prefix, principal, deadline, public_id, count = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local FIELDS = 6

local now = milliseconds()
prune(index, now)
local entries
if public_id ~= '' and tonumber(deadline) > now then
  local rank = rank_behind(index, deadline, public_id)
  entries = redis.call('ZRANGE', index, rank, rank + count - 1, 'WITHSCORES')
else
  local least = tonumber(deadline) > now and deadline or after(now)
  entries = redis.call('ZRANGEBYSCORE', index, least, '+inf', 'WITHSCORES', 'LIMIT', 0, count)
end
local reply = { DONE, #entries / 2, entries[#entries] or '', string.sub(entries[#entries - 1] or '', 1, PUBLIC_ID) }
local last = #reply
for i = 1, #entries, 2 do
  local s = session_of(index_prefix, principal, entries[i])
  if s then
    reply[last + 1], reply[last + 2] = entries[i], s.created_at
    reply[last + 3], reply[last + 4] = s.last_accessed_at, s.login_at
    last = last + 4
    if ARGV[FIELDS] then
      for _, value in ipairs(redis.call('HMGET', key_of(index_prefix, entries[i]), unpack(ARGV, FIELDS))) do
        last = last + 1
        reply[last] = value
      end
    end
  else
    redis.call('ZREM', index, entries[i])
  end
end
return reply
