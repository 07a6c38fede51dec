-- ARGV: those of `head`. Returns what remains, or {DONE, remaining, fields}.
if v[2] ~= stamp then
  local done = redis.pcall('HSET', key, 'last_accessed_at', stamp)
  if done ~= 0 then return { FAILED, done.err } end
end
redis.call(expire, key, expiry)
if not returns_fields then return remaining end
return { DONE, remaining, redis.call('HGETALL', key) }
