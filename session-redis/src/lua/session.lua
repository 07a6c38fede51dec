-- What makes a key a session, and what sliding its expiry means. The twin of `rules` in
-- session-core.

-- What the first element of every script's reply says. The numbers are those of `reply.rs`.
local DONE = 1
local NOT_FOUND = 0
-- Not found, since the key holds no valid session.
local NO_SESSION = -1
local ID_TAKEN = 2
-- And why.
local REFUSED = 3
local NOT_AN_INTEGER, OVERFLOW, TOO_MANY_FIELDS, TOO_MANY_BYTES, TOO_MANY_SESSIONS, CONFLICT = 1, 2, 3, 4, 5, 6
-- The cross-slot index must have an entry of it first: whose the session is, its deadline, its
-- public id.
local NOT_INDEXED = 4
-- The principal is over its quota: how many entries its index has, and which.
local OVER_QUOTA = 5
-- The step failed before it changed anything; the error.
local FAILED = 6
-- Not found, since the session was rotated a short while ago; where a step that follows tombstones
-- found no session either, the suffix of the key where it might be.
local ROTATED = 8
-- To be run again: entries of ended sessions were removed; where 1 follows, sessions were ended
-- too.
local AGAIN = 9

local RESERVED = {
  'created_at', 'last_accessed_at', 'session_ttl', 'session_deadline', 'session_principal',
  'session_public_id', 'session_login_at', 'session_persistent', 'session_rotated',
}

-- Whether the step has begun to change what a session, or a list of them, shows.
local has_begun = false

-- Raises unless the account may run this command on these keys. Before a step begins to change
-- anything it requires what it will run, and makes sure that the keys have the right type. So none
-- stops midway.
local function require_right(...)
  if not redis.acl_check_cmd(...) then error({ err = 'NOPERM a command of the script' }) end
end

-- Whether an error says that this node of a cluster lets a script look at no such key: its slot is
-- another, or is migrating.
local function is_elsewhere(failure)
  local text = type(failure) == 'table' and failure.err or tostring(failure)
  return string.find(text, 'non local key', 1, true) or string.find(text, 'same slot', 1, true)
end

local function integer(n) return string.format('%.0f', n) end

local function milliseconds()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

-- A time: so many milliseconds from now on or, behind '=', that millisecond.
local function time(text, now)
  if string.sub(text, 1, 1) == '=' then return tonumber(string.sub(text, 2)) end
  return now + tonumber(text)
end

local function number(text, digits)
  if #text <= digits and string.find(text, '^[1-9]%d*$') then return tonumber(text) end
end

-- The principal that a text names: 1 to 256 bytes of UTF-8. Another text binds to nobody: false,
-- which a reply can hold in the midst of others.
local function principal_of(text)
  if not text or #text < 1 or #text > 256 then return false end
  if not string.find(text, '[\128-\255]') then return text end
  -- What valid UTF-8 has beyond ASCII (RFC 3629); a space in its place, so that what is around a
  -- sequence does not make another.
  local rest = text
  for _, sequence in ipairs({
    '[\194-\223][\128-\191]',
    '\224[\160-\191][\128-\191]', '\237[\128-\159][\128-\191]', '[\225-\236\238\239][\128-\191][\128-\191]',
    '\240[\144-\191][\128-\191][\128-\191]', '[\241-\243][\128-\191][\128-\191][\128-\191]', '\244[\128-\143][\128-\191][\128-\191]',
  }) do
    rest = string.gsub(rest, sequence, ' ')
  end
  return not string.find(rest, '[\128-\255]') and text
end

-- The public id that a text is: 16 bytes as canonical base64url. Another text is none: false.
local function public_id_of(text)
  return text and #text == 22 and string.find(text, '^[A-Za-z0-9_%-]*[AQgw]$') and text or false
end

-- Why a key with this text of `session_rotated` is no session and, if it is a tombstone that names
-- one, the suffix of its successor's key.
local function rotated(text)
  local digits, rest = string.match(text, '^(%d*)(.*)$')
  local last = number(digits, 15)
  if not last or rest ~= '' and not string.find(rest, '^ .') then return NO_SESSION end
  if milliseconds() > last then return NOT_FOUND end
  return ROTATED, rest ~= '' and string.sub(rest, 2) or nil
end

-- The live session under a key, or nil and what `rotated` returns, or only the code that says why
-- there is none.
local function session(key)
  local v = redis.pcall('HMGET', key, unpack(RESERVED))
  if v.err then
    if string.sub(v.err, 1, 9) == 'WRONGTYPE' then return nil, NO_SESSION end
    v = redis.call('HMGET', key, 'session_ttl') -- raises the same error
  end
  if v[9] then return nil, rotated(v[9]) end
  if not (v[1] and v[2] and v[3]) then
    return nil, redis.call('EXISTS', key) == 1 and NO_SESSION or NOT_FOUND
  end
  local s = {
    created_at = v[1], last_accessed_at = v[2], ttl = number(v[3], 10),
    principal = principal_of(v[5]), public_id = public_id_of(v[6]), login_at = v[7], reserved = 0,
  }
  if not s.ttl or s.ttl > 4294967295 then return nil, NO_SESSION end
  if v[4] then
    s.deadline = number(v[4], 15)
    s.now = milliseconds()
    if not s.deadline or s.now >= s.deadline then return nil, NO_SESSION end
  elseif s.principal then
    return nil, NO_SESSION
  end
  for i = 1, #RESERVED do
    if v[i] then s.reserved = s.reserved + 1 end
  end
  return s
end

-- Whether a session belongs into the index of its principal.
local function is_listed(s) return s.principal and s.public_id and true or false end

-- The same session, if it is the one that this principal knows by this public id: no tombstone is,
-- nor what it leads to. Neither is asked for where the principal is ''.
local function session_of_owner(key, principal, public_id)
  local s, code, successor = session(key)
  if principal == '' then return s, code, successor end
  if not s then return nil, code == ROTATED and NOT_FOUND or code end
  if is_listed(s) and s.principal == principal and s.public_id == public_id then return s end
  return nil, NOT_FOUND
end

-- Whether a use slides the expiry. `policy` is A (always), N (never) or the least age in
-- milliseconds.
local function due(key, s, policy)
  if policy == 'A' then return true end
  if policy == 'N' then return false end
  local expires_at = redis.call('PEXPIRETIME', key)
  if expires_at < 0 then return true end
  if s.deadline and expires_at >= s.deadline then return false end
  local ttl = s.ttl * 1000
  local age = ttl - expires_at + (s.now or milliseconds())
  return age >= 0 and age >= math.min(tonumber(policy), ttl / 2)
end

-- Sets the expiry to now + TTL, but never beyond the deadline; what remains then.
local function set_expiry(key, s)
  local ttl = s.ttl * 1000
  if not s.deadline then
    redis.call('EXPIRE', key, s.ttl)
    return ttl
  end
  local expires_at = math.min(s.now + ttl, s.deadline)
  redis.call('PEXPIREAT', key, integer(expires_at))
  return expires_at - s.now
end

local function touch(key, s, stamp)
  redis.call('HSET', key, 'last_accessed_at', stamp)
  has_begun = true
  return set_expiry(key, s)
end
