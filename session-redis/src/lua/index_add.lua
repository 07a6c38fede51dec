-- KEYS: index. ARGV: entry, the suffix of the key that the session has now or '', deadline (a
-- `time`), limit of sessions or '', then what `remove_entries` takes. Returns {DONE, the deadline
-- asked for, the deadline of the entry, its score, 1 if there was none before}; or {OVER_QUOTA,
-- number of others, then what `append` does of those with the nearest deadlines}.
local index = KEYS[1]
local entry, suffix, time_asked, limit = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local REMOVALS = 5

local now = milliseconds()
for _, command in ipairs({ 'ZADD', 'ZREM', 'ZRANGE', 'PEXPIREAT' }) do require_right(command, index) end
prune(index, now)
remove_entries(index, REMOVALS)
local present = score_in(index, entry)
if limit ~= '' then
  local others = redis.call('ZCARD', index) - (present and 1 or 0)
  if others >= tonumber(limit) then
    local first = redis.call('ZRANGE', index, 0, tonumber(limit) + REMOVED_AT_ONCE - 1, 'WITHSCORES')
    -- Two entries are of one session if it is being moved or logged in again. It does not count if
    -- this entry is its next one.
    local seen = { [suffix] = true }
    for i = 1, #first, 2 do
      local public_id, its_suffix = string.sub(first[i], 1, PUBLIC_ID), string.sub(first[i], PUBLIC_ID + 1)
      if first[i] ~= entry and (seen[public_id] or seen[its_suffix]) then others = others - 1 end
      seen[public_id], seen[its_suffix] = true, true
    end
    if others >= tonumber(limit) then return append({ OVER_QUOTA, others }, first, now) end
  end
end
local asked = time(time_asked, now)
-- An entry that is there keeps its deadline, if no exact time is given.
local deadline = present and string.sub(time_asked, 1, 1) ~= '=' and math.floor(present) or asked
local score = score_of(deadline, now, 0)
-- Whoever added it before must not remove it any more: the score differs from theirs.
if score == present then score = score_of(deadline, now, 1) end
has_begun = true
redis.call('ZADD', index, string.format('%.17g', score), entry)
local last = redis.call('ZRANGE', index, -1, -1, 'WITHSCORES')
redis.call('PEXPIREAT', index, integer(math.min(math.floor(tonumber(last[2])) + SKEW, LATEST)))
return { DONE, asked, deadline, redis.call('ZSCORE', index, entry), present and 0 or 1 }
