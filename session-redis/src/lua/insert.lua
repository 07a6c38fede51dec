-- KEYS: session. ARGV: TTL in seconds, lifetime (a `time`) or '', index prefix, principal or '',
-- public id or '', limit of sessions or '', 1 to evict, 1 if the index has the entry or needs none,
-- then the fields and values. Returns {DONE or EVICTED, now or 0 where it does not matter, deadline
-- or 0}.
local key = KEYS[1]
local ttl, lifetime, index_prefix = tonumber(ARGV[1]), ARGV[2], ARGV[3]
local principal, public_id, limit, evicts, is_indexed = ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8]
local FIELDS = 9

if redis.call('EXISTS', key) == 1 then return { ID_TAKEN } end
local s = { ttl = ttl, principal = principal ~= '' and principal, public_id = public_id }
if lifetime ~= '' then
  s.now = milliseconds()
  s.deadline = time(lifetime, s.now)
end
local _, expire, expiry = expiry_of(ttl, s.deadline, s.now)
require_right('HSET', key)
require_right(expire, key, expiry)
if is_indexed == '' then return { NOT_INDEXED, false, 0, false } end
if s.principal then
  require_index(index_prefix, s.principal, key)
  local refused, surplus = over_quota(index_prefix, s.principal, key, limit, evicts)
  if refused then return refused end
  has_begun = true
  local again = evict(index_prefix, s.principal, surplus)
  if again then return again end
end
has_begun = true
for i = FIELDS, #ARGV, 2000 do
  redis.call('HSET', key, unpack(ARGV, i, math.min(i + 1999, #ARGV)))
end
if s.deadline then
  redis.call('HSET', key, 'session_deadline', integer(s.deadline))
  if s.principal then redis.call('HSET', key, 'session_login_at', integer(s.now)) end
end
redis.call(expire, key, expiry)
index_add(index_prefix, s, key)
return { has_evicted and EVICTED or DONE, s.now or 0, s.deadline or 0 }
