-- KEYS: session. ARGV: the principal and the public id that the session is to have or ''. Returns
-- {DONE, remaining, the server's time, fields}; remaining is -1 for a key without expiry.
local owner, owner_public_id = ARGV[1], ARGV[2]

if owner ~= '' and not (deadline and v[5] == owner and v[6] == owner_public_id) then return NOT_FOUND end
if not now then
  local t = redis.call('TIME')
  now = t[1] * 1000 + math.floor(t[2] / 1000)
end
local expires_at = redis.call('PEXPIRETIME', key)
return { DONE, expires_at < 0 and -1 or math.max(expires_at - now, 0), now, redis.call('HGETALL', key) }
