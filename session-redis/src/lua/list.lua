-- KEYS: indexes. ARGV: index prefix, principal, the deadline and the public id that the page begins
-- behind, number of entries to look at, names of fields. Returns {DONE, entries looked at, score
-- and public id of the last, then of each live session: entry, created_at, last_accessed_at,
-- login_at or nil, the fields or nil}; removes the entries of ended ones.
local index_prefix, principal, deadline, public_id, count = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local FIELDS = 6

local now = milliseconds()
local entries, scores = {}, {}
for _, index in ipairs(KEYS) do
  prune(index, now)
  local found
  if public_id ~= '' and tonumber(deadline) > now then
    local rank = rank_behind(index, deadline, public_id)
    found = redis.call('ZRANGE', index, rank, rank + count - 1, 'WITHSCORES')
  else
    local least = tonumber(deadline) > now and deadline or after(now)
    found = redis.call('ZRANGEBYSCORE', index, least, '+inf', 'WITHSCORES', 'LIMIT', 0, count)
  end
  for i = 1, #found, 2 do
    entries[#entries + 1], scores[found[i]] = found[i], found[i + 1]
  end
end
if #KEYS > 1 then
  table.sort(entries, function(one, other)
    local a, b = tonumber(scores[one]), tonumber(scores[other])
    if a ~= b then return a < b end
    return is_less(one, other)
  end)
end
local looked_at = math.min(#entries, count)
local final = entries[looked_at]
local reply = { DONE, looked_at, final and scores[final] or '', final and string.sub(final, 1, PUBLIC_ID) or '' }
local last = #reply
for i = 1, looked_at do
  local entry = entries[i]
  local s = session_of(index_prefix, principal, entry)
  if s then
    reply[last + 1], reply[last + 2] = entry, s.created_at
    reply[last + 3], reply[last + 4] = s.last_accessed_at, s.login_at
    last = last + 4
    if ARGV[FIELDS] then
      for _, value in ipairs(redis.call('HMGET', key_of(index_prefix, entry), unpack(ARGV, FIELDS))) do
        last = last + 1
        reply[last] = value
      end
    end
  else
    remove_entry(index_prefix, principal, entry)
  end
end
return reply
