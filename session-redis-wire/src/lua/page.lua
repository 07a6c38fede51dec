-- KEYS index. ARGV: least score, number of members to look at, then as `leave`.
-- Answers {1, members looked at, greatest score, then as `append`}.
local index, now = KEYS[1], milliseconds()
leave(index, 3)
prune(index, now)
local members = redis.call('ZRANGEBYSCORE', index, ARGV[1], '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[2])
return append({ 1, #members / 2, members[#members] or '' }, members, now)
