-- Sessions under any key. The twin of `rules` in session-core.

-- Whether the step has begun to change what a session, or a list of them, shows.
local has_begun = false

-- Raises unless the account may run this command on these keys. Before a step begins to change
-- anything it requires what it will run, and makes sure that the keys have the right type. So none
-- stops midway.
local function require_right(...)
  if not redis.acl_check_cmd(...) then error({ err = DENIED }) end
end

-- Whether an error says that this node of a cluster lets a script look at no such key: its slot is
-- another, or is migrating.
local function is_elsewhere(failure)
  local text = type(failure) == 'table' and failure.err or tostring(failure)
  return string.find(text, 'non local key', 1, true) or string.find(text, 'same slot', 1, true)
end

local function milliseconds()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

-- A time: so many milliseconds from now on or, behind '=', that millisecond.
local function time(text, now)
  if string.sub(text, 1, 1) == '=' then return tonumber(string.sub(text, 2)) end
  return now + tonumber(text)
end

-- The live session under a key; or nil and the code that says why there is none, and the suffix of
-- its successor's key, if a tombstone names one.
local function session(key)
  local code, ttl, deadline, now, v, successor = check(key, redis.pcall('HMGET', key, unpack(RESERVED)))
  if code == FAILED then error(v) end
  if code then return nil, code, successor end
  local s = {
    created_at = v[1], last_accessed_at = v[2], ttl = tonumber(ttl), deadline = deadline, now = now,
    principal = principal_of(v[5]), public_id = public_id_of(v[6]), login_at = v[8], persistent = v[9],
    reserved = 0,
  }
  for i = 1, #RESERVED do
    if v[i] then s.reserved = s.reserved + 1 end
  end
  return s
end

-- The same session, if it is the one that this principal knows by this public id: no tombstone is,
-- nor what it leads to. Neither is asked for where the principal is ''.
local function session_of_owner(key, principal, public_id)
  local s, code, successor = session(key)
  if principal == '' then return s, code, successor end
  if not s then return nil, code == ROTATED and NOT_FOUND or code end
  if is_listed(s) and s.principal == principal and s.public_id == public_id then return s end
  return nil, NOT_FOUND
end

-- Counts as use: what remains then.
local function touch(key, s, stamp)
  local remaining, expire, expiry = expiry_of(s.ttl, s.deadline, s.now)
  redis.call('HSET', key, 'last_accessed_at', stamp)
  has_begun = true
  redis.call(expire, key, expiry)
  return remaining
end
