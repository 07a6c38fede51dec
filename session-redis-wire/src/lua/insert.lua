-- KEYS session. ARGV: TTL in seconds, lifetime (a `time`) or '', index prefix, principal or '',
-- limit of sessions or '', 1 to evict, then the fields and values.
-- Answers {1, deadline or 0}.
local key = KEYS[1]
local lifetime, index_prefix, principal = ARGV[2], ARGV[3], ARGV[4]
if redis.call('EXISTS', key) == 1 then return { 2 } end
if principal ~= '' then
  local refused = admission(index_prefix, principal, name_of(index_prefix, key), ARGV[5], ARGV[6])
  if refused then return refused end
end
for i = 7, #ARGV, 2000 do
  redis.call('HSET', key, unpack(ARGV, i, math.min(i + 1999, #ARGV)))
end
local s = { ttl = tonumber(ARGV[1]) }
if lifetime ~= '' then
  s.now = milliseconds()
  s.deadline = time(lifetime, s.now)
  redis.call('HSET', key, 'session_deadline', integer(s.deadline))
end
arm(key, s)
if principal ~= '' then
  index_add(index_prefix, principal, name_of(index_prefix, key), s.deadline)
end
return { 1, s.deadline or 0 }
