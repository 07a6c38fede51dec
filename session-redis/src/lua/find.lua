-- KEYS: index. ARGV: public id, cursor, number of entries to look at.
-- Returns {DONE, next cursor, entry, …} with the entries of this public id.
local index = KEYS[1]
local public_id, cursor, count = ARGV[1], ARGV[2], ARGV[3]

-- A public id has no character with a meaning in a pattern.
local found = redis.call('ZSCAN', index, cursor, 'MATCH', public_id .. '*', 'COUNT', count)
local reply = { DONE, found[1] }
for i = 1, #found[2], 2 do reply[#reply + 1] = found[2][i] end
return reply
