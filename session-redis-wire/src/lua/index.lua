-- The index of a principal's sessions: one sorted set at `index_prefix .. principal`, whose members are
-- the sessions' keys without the store's prefix, scored by deadline. `index_prefix` is the store's
-- prefix and one character more; it is empty where the index is kept by steps of its own (Cluster).

local PRUNED_AT_ONCE = 128

local function key_of(index_prefix, name) return string.sub(index_prefix, 1, -2) .. name end
local function name_of(index_prefix, key) return string.sub(key, #index_prefix) end

-- The session of an index member, if it lives and is this principal's.
local function member_session(index_prefix, principal, name)
  local s = session(key_of(index_prefix, name))
  if s and s.principal == principal then return s end
end

-- Members whose deadline has passed are dead without a look at their sessions. A batch of them goes with
-- each use of the index; what looks for live members begins behind them.
local function prune(index, now)
  local dead = redis.call('ZRANGEBYSCORE', index, '-inf', integer(now), 'LIMIT', 0, PRUNED_AT_ONCE)
  if #dead > 0 then redis.call('ZREM', index, unpack(dead)) end
end

local function after(now) return '(' .. integer(now) end

local function index_remove(index_prefix, principal, name)
  if index_prefix ~= '' and principal then
    redis.call('ZREM', index_prefix .. principal, name)
  end
end

local function index_add(index_prefix, principal, name, deadline)
  if index_prefix == '' then return end
  local index = index_prefix .. principal
  redis.call('ZADD', index, integer(deadline), name)
  prune(index, milliseconds())
  local last = redis.call('ZRANGE', index, -1, -1, 'WITHSCORES')
  redis.call('PEXPIREAT', index, integer(tonumber(last[2])))
end

-- Whether the principal may have one more session, `name`: nil when it may, else the answer to give.
-- Looks at as many of the oldest members as the limit and one batch more, and prunes the dead; while
-- that leaves the question open the caller asks again.
local function admission(index_prefix, principal, name, limit, evict)
  if index_prefix == '' or limit == '' then return nil end
  local index = index_prefix .. principal
  limit = tonumber(limit)
  local examined = redis.call('ZRANGEBYSCORE', index, after(milliseconds()), '+inf', 'LIMIT', 0, limit + PRUNED_AT_ONCE)
  local live, dead = {}, {}
  for _, member in ipairs(examined) do
    if member ~= name then
      if member_session(index_prefix, principal, member) then
        live[#live + 1] = member
      else
        dead[#dead + 1] = member
      end
    end
  end
  for i = 1, #dead do redis.call('ZREM', index, dead[i]) end
  local surplus = #live - limit + 1
  if surplus > 0 and evict ~= '1' then return { 3, 5 } end
  for i = 1, surplus do
    redis.call('DEL', key_of(index_prefix, live[i]))
    redis.call('ZREM', index, live[i])
  end
  if #examined == limit + PRUNED_AT_ONCE then return { 9 } end
end
