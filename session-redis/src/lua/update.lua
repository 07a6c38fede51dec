-- ARGV: those of `head`, limit of fields, then the fields and values to set. Returns what remains,
-- or {DONE, remaining, {}, fields}.
local done = redis.pcall('HSET', key, 'last_accessed_at', stamp, unpack(ARGV, FIRST))
if type(done) == 'table' then return { FAILED, done.err } end
redis.call(expire, key, expiry)
if not returns_fields then return remaining end
return { DONE, remaining, {}, redis.call('HGETALL', key) }
