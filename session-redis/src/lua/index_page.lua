-- KEYS: index. ARGV: least score, number of entries to look at, then what `remove_entries` takes.
-- Returns {DONE, entries looked at, greatest score, then what `append` does}.
local index = KEYS[1]
local least, count = ARGV[1], ARGV[2]
local REMOVALS = 3

local now = milliseconds()
remove_entries(index, REMOVALS)
prune(index, now)
local entries = redis.call('ZRANGEBYSCORE', index, least, '+inf', 'WITHSCORES', 'LIMIT', 0, count)
return append({ DONE, #entries / 2, entries[#entries] or '' }, entries, now)
