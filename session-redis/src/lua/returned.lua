-- What remains, if that is all; else {DONE, remaining, the counter's value or nil, fields or nil}.
redis.call(expire, key, expiry)
if not (counter or returns_fields) then return remaining end
return { DONE, remaining, counter or false, returns_fields and redis.call('HGETALL', key) }
