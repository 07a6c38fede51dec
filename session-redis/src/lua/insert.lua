-- KEYS: session. ARGV: TTL in seconds, lifetime (a `time`) or '', index prefix, principal or '',
-- limit of sessions or '', 1 to evict, then the fields and values.
-- Returns {DONE, deadline or 0}.
local key = KEYS[1]
local ttl, lifetime, index_prefix, principal, limit, evicts = tonumber(ARGV[1]), ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local FIELDS = 7

if redis.call('EXISTS', key) == 1 then return { ID_TAKEN } end
if principal ~= '' then
  local refused = over_quota(index_prefix, principal, entry_of(index_prefix, key), limit, evicts)
  if refused then return refused end
end
for i = FIELDS, #ARGV, 2000 do
  redis.call('HSET', key, unpack(ARGV, i, math.min(i + 1999, #ARGV)))
end
local s = { ttl = ttl }
if lifetime ~= '' then
  s.now = milliseconds()
  s.deadline = time(lifetime, s.now)
  redis.call('HSET', key, 'session_deadline', integer(s.deadline))
end
set_expiry(key, s)
if principal ~= '' then
  index_add(index_prefix, principal, entry_of(index_prefix, key), s.deadline)
end
return { DONE, s.deadline or 0 }
