-- The index of a principal's sessions where it has steps of its own (Cluster: other slots than the
-- sessions'): the same sorted set of names. A score is the session's deadline in whole milliseconds and, in
-- its fraction, when the member was last entered: that second modulo 512, and a half. (Deadlines lie below
-- 2^43, so the ten bits of the fraction are exact.) A member entered within the last ten seconds is
-- young: its session may be about to be stored.

local MARKS, YOUNG = 512, 10
-- By how much the nodes' clocks may differ, in milliseconds, before a passed score means a dead session.
local SKEW = 10000
local PRUNED_AT_ONCE = 128

local function score_of(deadline, now, later)
  return deadline + ((math.floor(now / 1000) + later) % MARKS + 0.5) / MARKS
end

local function is_young(score, now)
  local mark = score - math.floor(score)
  if mark == 0 then return false end
  local age = (math.floor(now / 1000) - math.floor(mark * MARKS)) % MARKS
  return age <= YOUNG or age >= MARKS - YOUNG
end

local function score_in(index, name)
  return tonumber(redis.call('ZSCORE', index, name) or nil)
end

-- Takes out the members of ARGV from `first` on: pairs of a name and the score that it must still have, or ''.
local function leave(index, first)
  for i = first, #ARGV, 2 do
    if ARGV[i + 1] == '' or score_in(index, ARGV[i]) == tonumber(ARGV[i + 1]) then
      redis.call('ZREM', index, ARGV[i])
    end
  end
end

local function prune(index, now)
  local dead = redis.call('ZRANGEBYSCORE', index, '-inf', integer(now - SKEW), 'LIMIT', 0, PRUNED_AT_ONCE)
  if #dead > 0 then redis.call('ZREM', index, unpack(dead)) end
end

-- Appends name, score and 1 if young of each of these members and scores.
local function append(answer, members, now)
  for i = 1, #members, 2 do
    answer[#answer + 1] = members[i]
    answer[#answer + 1] = members[i + 1]
    answer[#answer + 1] = is_young(tonumber(members[i + 1]), now) and 1 or 0
  end
  return answer
end
