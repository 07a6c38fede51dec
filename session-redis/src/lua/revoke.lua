-- KEYS: index. ARGV: index prefix, principal, number of entries to look at, then the suffixes of
-- the keys of the session to keep. Returns {DONE, sessions ended, entries looked at}.
local index = KEYS[1]
local index_prefix, principal, count = ARGV[1], ARGV[2], ARGV[3]
local KEPT = 4

local keep = {}
for i = KEPT, #ARGV do keep[ARGV[i]] = true end
local now = milliseconds()
prune(index, now)
local entries = redis.call('ZRANGEBYSCORE', index, after(now), '+inf', 'LIMIT', 0, count)
local ended = 0
for _, entry in ipairs(entries) do
  if not keep[string.sub(entry, PUBLIC_ID + 1)] then
    if session_of(index_prefix, principal, entry) then
      redis.call('DEL', key_of(index_prefix, entry))
      ended = ended + 1
    end
    redis.call('ZREM', index, entry)
  end
end
return { DONE, ended, #entries }
