-- What else is done with a principal's index.

local REMOVED_AT_ONCE = 128

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
local function require_removable(index_prefix, s)
  if index_prefix ~= '' and is_listed(s) then require_right('ZREM', index_prefix .. s.principal) end
end

local function index_remove(index_prefix, s, key)
  if index_prefix ~= '' and is_listed(s) then
    -- What is of another type has no entry.
    redis.pcall('ZREM', index_prefix .. s.principal, entry_of(index_prefix, s, key))
  end
end

-- Raises unless `index_add` can be run on the index of this principal, if there is one.
local function require_index(index_prefix, principal)
  if index_prefix == '' or principal == '' then return end
  local index = index_prefix .. principal
  for _, command in ipairs({ 'ZADD', 'ZREM', 'ZRANGE', 'PEXPIREAT' }) do require_right(command, index) end
  prune(index, milliseconds()) -- raises too where it is of another type
end

-- Whether the principal may have one more session, the one under this key: nil and the entries of
-- the sessions that are to end for it; else the reply that says why not. Looks at as many of the
-- oldest entries as the limit and one batch more, and removes those of ended sessions; where that
-- leaves the question open the script is to be run again.
local function over_quota(index_prefix, principal, key, limit, evicts)
  local surplus = { is_part = false }
  if index_prefix == '' or limit == '' then return nil, surplus end
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
  if #live >= limit and evicts ~= '1' then return { REFUSED, TOO_MANY_SESSIONS } end
  surplus.is_part = #examined == limit + REMOVED_AT_ONCE
  if surplus.is_part and #ended > 0 then return { AGAIN } end
  for i = 1, #live - limit + 1 do surplus[i] = live[i] end
  if #surplus > 0 then require_right('DEL', key_of(index_prefix, surplus[1])) end
  return nil, surplus
end

-- Ends the sessions that `over_quota` says. If these are not all of them, the reply that says so.
local function evict(index_prefix, principal, surplus)
  for _, entry in ipairs(surplus) do
    redis.call('DEL', key_of(index_prefix, entry))
    redis.call('ZREM', index_prefix .. principal, entry)
  end
  return surplus.is_part and { AGAIN, 1 } or nil
end
