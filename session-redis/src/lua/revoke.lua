-- KEYS: indexes. ARGV: index prefix, principal, number of entries to look at in each, then the
-- suffixes of the keys of the session to keep. Returns {DONE, sessions ended, entries looked at in
-- the index that had most}.
local index_prefix, principal, count = ARGV[1], ARGV[2], ARGV[3]
local KEPT = 4

local keep = {}
for i = KEPT, #ARGV do keep[ARGV[i]] = true end
local now = milliseconds()
local live, removed, most = {}, {}, 0
for _, index in ipairs(KEYS) do
  prune(index, now)
  local entries = redis.call('ZRANGEBYSCORE', index, after(now), '+inf', 'LIMIT', 0, count)
  most = math.max(most, #entries)
  for _, entry in ipairs(entries) do
    local is_live = session_of(index_prefix, principal, entry)
    if not (is_live and keep[string.sub(entry, PUBLIC_ID + 1)]) then
      removed[#removed + 1] = { index, entry }
      if is_live then live[#live + 1] = entry end
    end
  end
  require_right('ZREM', index)
end
if #live > 0 then require_right('DEL', key_of(index_prefix, live[1])) end
has_begun = true
for _, it in ipairs(removed) do redis.call('ZREM', it[1], it[2]) end
for _, entry in ipairs(live) do redis.call('DEL', key_of(index_prefix, entry)) end
return { DONE, #live, most }
