-- What remains, if that is all; else {DONE, remaining, counters or nil, fields or nil}.
redis.call(expire, key, expiry)
if not (counters or returns_fields) then return remaining end
return { DONE, remaining, counters or false, returns_fields and redis.call('HGETALL', key) }
