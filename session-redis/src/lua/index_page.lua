-- KEYS: index. ARGV: the deadline and the public id that the page begins behind, number of entries
-- to look at, then what `remove_entries` takes. Returns {DONE, the deadline that all of them have
-- if they are more than fit, or '', then what `append` does}.
local index = KEYS[1]
local deadline, public_id, count = ARGV[1], ARGV[2], tonumber(ARGV[3])
local REMOVALS = 4

-- Of the entries with this deadline those behind the public id: of each score, which says when they
-- were added, so many at most.
local function of_deadline(whole)
  local found, least, beyond = {}, whole, '(' .. integer(tonumber(whole) + 1)
  while true do
    local score = redis.call('ZRANGEBYSCORE', index, least, beyond, 'WITHSCORES', 'LIMIT', 0, 1)[2]
    if not score then return append({ DONE, whole }, found, milliseconds()) end
    local rank = rank_behind(index, score, public_id)
    local entries = redis.call('ZRANGE', index, rank, rank + count - 1, 'WITHSCORES')
    for i = 1, #entries, 2 do
      if entries[i + 1] ~= score then break end
      found[#found + 1], found[#found + 2] = entries[i], score
    end
    least = '(' .. score
  end
end

remove_entries(index, REMOVALS)
prune(index, milliseconds())
if public_id ~= '' then return of_deadline(deadline) end
local entries = redis.call('ZRANGEBYSCORE', index, deadline, '+inf', 'WITHSCORES', 'LIMIT', 0, count)
if #entries == 2 * count then
  local first, last = math.floor(tonumber(entries[2])), math.floor(tonumber(entries[#entries]))
  if first == last and first < LATEST then return of_deadline(integer(first)) end
end
return append({ DONE, '' }, entries, milliseconds())
