-- KEYS: session. ARGV: the principal and the public id that the session is to have or ''. Returns
-- {DONE, remaining, fields}; remaining is -1 for a key without expiry.
local owner, owner_public_id = ARGV[1], ARGV[2]

if owner ~= '' and not (deadline and v[5] == owner and v[6] == owner_public_id) then return NOT_FOUND end
return { DONE, redis.call('PTTL', key), redis.call('HGETALL', key) }
