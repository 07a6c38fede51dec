-- The index of a principal's sessions where it has steps of its own (Cluster: other slots than the
-- sessions'): a sorted set of the same entries. A score is the session's deadline in whole
-- milliseconds and, in its fraction, when the entry was last added: that second modulo 512, and a
-- half. (Deadlines are below 2^43, so the ten bits of the fraction are exact.) An entry that was
-- added within the last ten seconds is pending: its session may be about to be stored.

local SECONDS, PENDING = 512, 10
-- By how much the nodes' clocks may differ, in milliseconds, before a passed score means an ended
-- session.
local SKEW = 10000
local REMOVED_AT_ONCE = 128
-- The latest time that an index is kept until, whatever the scores are that others give.
local LATEST = 2 ^ 53

local function score_of(deadline, now, later)
  return deadline + ((math.floor(now / 1000) + later) % SECONDS + 0.5) / SECONDS
end

local function is_pending(score, now)
  local added = score - math.floor(score)
  if added == 0 then return false end
  local age = (math.floor(now / 1000) - math.floor(added * SECONDS)) % SECONDS
  return age <= PENDING or age >= SECONDS - PENDING
end

local function score_in(index, entry)
  return tonumber(redis.call('ZSCORE', index, entry) or nil)
end

-- Removes the entries of ARGV from `first` on: pairs of an entry and the score that it must still
-- have, or ''.
local function remove_entries(index, first)
  for i = first, #ARGV, 2 do
    local entry, score = ARGV[i], ARGV[i + 1]
    if score == '' or score_in(index, entry) == tonumber(score) then
      redis.call('ZREM', index, entry)
    end
  end
end

local function prune(index, now)
  local ended = redis.call('ZRANGEBYSCORE', index, '-inf', integer(now - SKEW), 'LIMIT', 0, REMOVED_AT_ONCE)
  if #ended > 0 then redis.call('ZREM', index, unpack(ended)) end
end

-- Appends entry, score, and 1 if pending, of each of these entries and scores.
local function append(reply, entries, now)
  for i = 1, #entries, 2 do
    reply[#reply + 1] = entries[i]
    reply[#reply + 1] = entries[i + 1]
    reply[#reply + 1] = is_pending(tonumber(entries[i + 1]), now) and 1 or 0
  end
  return reply
end
