-- What else is done with a principal's index.

local REMOVED_AT_ONCE = 128
-- A script's reply begins with this, or with `DONE`: sessions of the principal have ended for its
-- limit.
local EVICTED = 7
local has_evicted = false

local function key_of(index_prefix, entry) return string.sub(index_prefix, 1, -2) .. string.sub(entry, PUBLIC_ID + 1) end

-- The session of an entry, if it is live and this principal's.
local function session_of(index_prefix, principal, entry)
  return session_of_owner(key_of(index_prefix, entry), principal, string.sub(entry, 1, PUBLIC_ID))
end

-- A session whose deadline has passed has ended, without a look at it. A batch of such entries is
-- removed with each use of the index; what looks for live ones begins behind them.
local function prune(index, now)
  local ended = redis.call('ZRANGEBYSCORE', index, '-inf', integer(now), 'LIMIT', 0, REMOVED_AT_ONCE)
  if #ended > 0 then redis.call('ZREM', index, unpack(ended)) end
end

local function after(now) return '(' .. integer(now) end

-- Raises unless `index_remove` can be run.
local function require_removable(index_prefix, s, key)
  if index_prefix ~= '' and is_listed(s) then require_right('ZREM', index_of(index_prefix, s.principal, key)) end
end

local function index_remove(index_prefix, s, key)
  if index_prefix ~= '' and is_listed(s) then
    -- What is of another type has no entry.
    redis.pcall('ZREM', index_of(index_prefix, s.principal, key), entry_of(index_prefix, s, key))
  end
end

-- Raises unless `index_add` can be run for a session of this principal, if there is one, under this
-- key.
local function require_index(index_prefix, principal, key)
  if index_prefix == '' or principal == '' then return end
  local index = index_of(index_prefix, principal, key)
  for _, command in ipairs({ 'ZADD', 'ZREM', 'ZRANGE', 'PEXPIREAT' }) do require_right(command, index) end
  prune(index, milliseconds()) -- raises too where it is of another type
end

-- All indexes of a principal.
local function indexes_of(index_prefix, principal)
  local prefix, kind = string.sub(index_prefix, 1, -2), string.sub(index_prefix, -1)
  local plain, hashed = index_of(index_prefix, principal, index_prefix), index_of(index_prefix, principal, prefix .. '{')
  return kind == '@' and { plain } or kind == '#' and { hashed } or { plain, hashed }
end

-- Up to how many entries each session is looked at as a whole. Of more, one that has a time of its
-- log-in counts as live for that: each look at a whole session takes the server 4 µs.
local LOOKED_AT_WHOLLY = 200

-- Removes an entry of the principal's.
local function remove_entry(index_prefix, principal, entry)
  redis.call('ZREM', index_of(index_prefix, principal, key_of(index_prefix, entry)), entry)
end

-- The live sessions of these entries but that of a key, as two lists: their entries, and when each
-- was logged in, 0 if it does not say. The entries of ended ones are removed; how many.
local function live_of(index_prefix, principal, entries, key)
  local live, logged_in, last, ended = {}, {}, 0, 0
  local prefix, is_brief = string.sub(index_prefix, 1, -2), #entries > LOOKED_AT_WHOLLY
  local pcall, sub = redis.pcall, string.sub
  for i = 1, #entries do
    local entry = entries[i]
    local other = prefix .. sub(entry, PUBLIC_ID + 1)
    if other ~= key then
      local login_at = is_brief and pcall('HGET', other, 'session_login_at')
      -- As long as a time is from 2001 to 2286: what else there is is looked at wholly.
      login_at = login_at and #login_at == 13 and tonumber(login_at)
      local is_live = login_at
      if not is_live then
        local s = session_of(index_prefix, principal, entry)
        is_live, login_at = s, s and s.login_at and number(s.login_at, 15) or 0
      end
      if is_live then
        last = last + 1
        live[last], logged_in[last] = entry, login_at
      else
        remove_entry(index_prefix, principal, entry)
        ended = ended + 1
      end
    end
  end
  return live, logged_in, ended
end

-- Takes the session with the oldest log-in out of the two lists; its entry.
local function take_oldest(live, logged_in)
  local oldest, last = 1, #live
  for i = 2, last do
    local a, b = logged_in[i], logged_in[oldest]
    if a < b or a == b and is_less(live[i], live[oldest]) then oldest = i end
  end
  local entry = live[oldest]
  live[oldest], logged_in[oldest] = live[last], logged_in[last]
  live[last], logged_in[last] = nil, nil
  return entry
end

-- Whether the principal may have one more session, the one under this key: nil and the entries of
-- the sessions that are to end for it; else the reply that says why not. Below the limit it looks
-- at nobody; else at as many of the entries as the limit and one batch more, those with the nearest
-- deadlines. It removes those of ended sessions; where that leaves the question open the script is
-- to be run again.
local function over_quota(index_prefix, principal, key, limit, evicts)
  local surplus = { is_part = false }
  if index_prefix == '' or limit == '' then return nil, surplus end
  limit = tonumber(limit)
  local indexes, count = indexes_of(index_prefix, principal), 0
  for _, index in ipairs(indexes) do count = count + redis.call('ZCARD', index) end
  if count < limit then return nil, surplus end
  local entries = {}
  for _, index in ipairs(indexes) do
    local of_one = redis.call('ZRANGEBYSCORE', index, after(milliseconds()), '+inf', 'LIMIT', 0, limit + REMOVED_AT_ONCE)
    if #of_one > 0 then require_right('ZREM', index) end
    if #of_one == limit + REMOVED_AT_ONCE then surplus.is_part = true end
    for i = 1, #of_one do entries[#entries + 1] = of_one[i] end
  end
  local live, logged_in, ended = live_of(index_prefix, principal, entries, key)
  if #live >= limit and evicts ~= '1' then return { REFUSED, TOO_MANY_SESSIONS } end
  if surplus.is_part and ended > 0 then return { AGAIN } end
  while #live >= limit do
    local entry = take_oldest(live, logged_in)
    if session_of(index_prefix, principal, entry) then
      surplus[#surplus + 1] = entry
    else
      remove_entry(index_prefix, principal, entry)
    end
  end
  if #surplus > 0 then require_right('DEL', key_of(index_prefix, surplus[1])) end
  return nil, surplus
end

-- Ends the sessions that `over_quota` says. If these are not all of them, the reply that says so.
local function evict(index_prefix, principal, surplus)
  for _, entry in ipairs(surplus) do
    redis.call('DEL', key_of(index_prefix, entry))
    remove_entry(index_prefix, principal, entry)
    has_evicted = true
  end
  return surplus.is_part and { AGAIN, 1 } or nil
end
