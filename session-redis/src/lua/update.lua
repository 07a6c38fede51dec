local counter
local done = redis.pcall('HSET', key, 'last_accessed_at', stamp, unpack(ARGV, FIRST))
if type(done) == 'table' then return { FAILED, done.err } end
