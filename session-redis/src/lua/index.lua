-- The index of a principal's sessions: one sorted set at `index_prefix .. principal`. An entry is a
-- session's public id and its key without the store's prefix; its score is the session's deadline.
-- `index_prefix` is the store's prefix and one character more; it is empty where the index has
-- steps of its own (cross-slot index).

local REMOVED_AT_ONCE = 128
local PUBLIC_ID = 22

local function key_of(index_prefix, entry) return string.sub(index_prefix, 1, -2) .. string.sub(entry, PUBLIC_ID + 1) end
local function entry_of(index_prefix, s, key) return s.public_id .. string.sub(key, #index_prefix) end

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

local function index_remove(index_prefix, s, key)
  if index_prefix ~= '' and is_listed(s) then
    redis.call('ZREM', index_prefix .. s.principal, entry_of(index_prefix, s, key))
  end
end

local function index_add(index_prefix, s, key)
  if index_prefix == '' or not is_listed(s) then return end
  local index = index_prefix .. s.principal
  redis.call('ZADD', index, integer(s.deadline), entry_of(index_prefix, s, key))
  prune(index, milliseconds())
  local last = redis.call('ZRANGE', index, -1, -1, 'WITHSCORES')
  redis.call('PEXPIREAT', index, integer(tonumber(last[2])))
end

-- Whether the principal may have one more session, the one under this key: nil if so, else the
-- reply that says why not. Looks at as many of the oldest entries as the limit and one batch more,
-- and removes those of ended sessions; while that leaves the question open the script is to be run
-- again.
local function over_quota(index_prefix, principal, key, limit, evicts)
  if index_prefix == '' or limit == '' then return nil end
  local index = index_prefix .. principal
  limit = tonumber(limit)
  local examined = redis.call('ZRANGEBYSCORE', index, after(milliseconds()), '+inf', 'LIMIT', 0, limit + REMOVED_AT_ONCE)
  local live, ended = {}, {}
  for _, other in ipairs(examined) do
    if key_of(index_prefix, other) ~= key then
      if session_of(index_prefix, principal, other) then
        live[#live + 1] = other
      else
        ended[#ended + 1] = other
      end
    end
  end
  for i = 1, #ended do redis.call('ZREM', index, ended[i]) end
  local surplus = #live - limit + 1
  if surplus > 0 and evicts ~= '1' then return { REFUSED, TOO_MANY_SESSIONS } end
  for i = 1, surplus do
    redis.call('DEL', key_of(index_prefix, live[i]))
    redis.call('ZREM', index, live[i])
  end
  if #examined == limit + REMOVED_AT_ONCE then return { AGAIN } end
end
