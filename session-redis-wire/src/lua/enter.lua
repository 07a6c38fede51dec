-- KEYS index. ARGV: name, the name whose place it takes or '', deadline (a `time`), limit of sessions or '',
-- then as `leave`.
-- Answers {1, the deadline asked for, the deadline listed, the score, 1 if it was not listed before}; or, when
-- there is no room, {5, number of others, then as `append` those with the nearest deadlines}.
local index, name, replaced, limit = KEYS[1], ARGV[1], ARGV[2], ARGV[4]
local now = milliseconds()
prune(index, now)
leave(index, 5)
local listed = score_in(index, name)
if limit ~= '' then
  local others = redis.call('ZCARD', index) - (listed and 1 or 0)
  if replaced ~= '' and score_in(index, replaced) then others = others - 1 end
  if others >= tonumber(limit) then
    local first = redis.call('ZRANGE', index, 0, tonumber(limit) + PRUNED_AT_ONCE - 1, 'WITHSCORES')
    return append({ 5, others }, first, now)
  end
end
local asked = time(ARGV[3], now)
-- What is listed already stays listed until then, if no exact time is given.
local deadline = listed and string.sub(ARGV[3], 1, 1) ~= '=' and math.floor(listed) or asked
local score = score_of(deadline, now, 0)
-- Whoever entered it before must not take it out any more: the score differs from his.
if score == listed then score = score_of(deadline, now, 1) end
redis.call('ZADD', index, string.format('%.17g', score), name)
local last = redis.call('ZRANGE', index, -1, -1, 'WITHSCORES')
redis.call('PEXPIREAT', index, integer(math.floor(tonumber(last[2])) + SKEW))
return { 1, asked, deadline, redis.call('ZSCORE', index, name), listed and 0 or 1 }
