-- Applies a delta to the session under a key, all or nothing. ARGV: last_accessed_at, touch policy,
-- 1 to answer the fields, new TTL or '', limit of fields, limit of bytes or '', index prefix, principal
-- to bind to or '', its lifetime (a `time`), limit of sessions or '', 1 to evict, a principal whose index
-- lists the session already or '', until when it does, the numbers of counters, sets and removals,
-- then counters (field, amount), sets (field, value), removals (field).
-- Whatever can be refused is judged before the first write that is not undone.

local index_prefix = ARGV[7]

local COUNTERS = 17
local counters, sets, removals = tonumber(ARGV[14]), tonumber(ARGV[15]), tonumber(ARGV[16])
local SETS = COUNTERS + 2 * counters
local REMOVALS = SETS + 2 * sets
local LAST = REMOVALS + removals - 1

local RESERVED = { created_at = true, last_accessed_at = true, session_ttl = true, session_deadline = true, session_principal = true }

-- The bytes of the session's own names and values; those of fields in `except` do not count.
local function bytes(key, except)
  local total = 0
  local hash = redis.call('HGETALL', key)
  for i = 1, #hash, 2 do
    if not RESERVED[hash[i]] and not except[hash[i]] then total = total + #hash[i] + #hash[i + 1] end
  end
  return total
end

local function reserved_count(s)
  return 3 + (s.deadline and 1 or 0) + (s.names_principal and 1 or 0)
end

-- Why the session would be too large after the counters (done), the sets and the removals (to do).
local function too_large(key, s, fields_before, bytes_before)
  local max_fields, max_bytes = tonumber(ARGV[5]), ARGV[6]
  local now = redis.call('HLEN', key)
  if now + sets - reserved_count(s) > max_fields then
    local after = now
    for i = SETS, REMOVALS - 1, 2 do after = after + 1 - redis.call('HEXISTS', key, ARGV[i]) end
    for i = REMOVALS, LAST do after = after - redis.call('HEXISTS', key, ARGV[i]) end
    if after > fields_before and after - reserved_count(s) > max_fields then return { REFUSED, TOO_MANY_FIELDS } end
  end
  if max_bytes ~= '' then
    local named, after = {}, 0
    for i = SETS, REMOVALS - 1, 2 do
      named[ARGV[i]] = true
      after = after + #ARGV[i] + #ARGV[i + 1]
    end
    for i = REMOVALS, LAST do named[ARGV[i]] = true end
    after = after + bytes(key, named)
    if after > bytes_before and after > tonumber(max_bytes) then return { REFUSED, TOO_MANY_BYTES } end
  end
end

-- Counts, and remembers how to undo it. A refusal undoes what came before it.
local function count(key, undo)
  local values = {}
  for i = COUNTERS, SETS - 1, 2 do
    local field = ARGV[i]
    local before = redis.call('HGET', key, field)
    local value = redis.pcall('HINCRBY', key, field, ARGV[i + 1])
    if type(value) == 'table' then
      if string.find(value.err, 'overflow', 1, true) then return nil, { REFUSED, OVERFLOW } end
      if string.find(value.err, 'not an integer', 1, true) then return nil, { REFUSED, NOT_AN_INTEGER } end
      redis.call('HINCRBY', key, field, ARGV[i + 1]) -- raises the same error
    end
    undo[#undo + 1] = { field, before }
    -- A Lua number is exact up to 2^53 only.
    if value > -9007199254740992 and value < 9007199254740992 then
      values[#values + 1] = integer(value)
    else
      values[#values + 1] = redis.call('HGET', key, field)
    end
  end
  return values
end

local function revert(key, undo)
  for i = 1, #undo do
    local field, before = undo[i][1], undo[i][2]
    if before then redis.call('HSET', key, field, before) else redis.call('HDEL', key, field) end
  end
end

local function in_batches(command, key, first, last)
  for i = first, last, 2000 do
    redis.call(command, key, unpack(ARGV, i, math.min(i + 1999, last)))
  end
end

-- Where the index has steps of its own (no index prefix) they come first: nil when the index lists the
-- session as it is about to be bound or moved, else the answer that tells what it must list.
local function unlisted(s)
  if ARGV[7] ~= '' then return nil end
  local principal, deadline = ARGV[8], s.deadline
  if principal ~= '' then
    deadline = deadline or time(ARGV[9], milliseconds())
  elseif #KEYS > 1 then
    principal = s.principal
  end
  if not principal or principal == '' or not deadline then return nil end
  if ARGV[12] == principal and deadline <= tonumber(ARGV[13]) then return nil end
  return { NOT_INDEXED, s.principal, s.deadline or 0 }
end

-- The session after the delta and the values of the counters; or nil and the answer to give. A session
-- that was `bound` is yet to be put into the index, under the name that it has in the end.
local function apply(key)
  local s, code = session(key)
  if not s then return nil, { code } end
  local principal = ARGV[8]
  local values, undo, refused = {}, {}, nil
  if counters + sets > 0 then
    local fields_before = redis.call('HLEN', key)
    local bytes_before = ARGV[6] ~= '' and bytes(key, {}) or 0
    values, refused = count(key, undo)
    refused = refused or too_large(key, s, fields_before, bytes_before)
  end
  if not refused and principal ~= '' then
    refused = over_quota(index_prefix, principal, entry_of(index_prefix, key), ARGV[10], ARGV[11])
  end
  refused = refused or unlisted(s)
  if refused then
    revert(key, undo)
    return nil, refused
  end
  in_batches('HSET', key, SETS, REMOVALS - 1)
  in_batches('HDEL', key, REMOVALS, LAST)
  local slides = due(key, s, ARGV[2])
  if ARGV[4] ~= '' then
    s.ttl = tonumber(ARGV[4])
    redis.call('HSET', key, 'session_ttl', ARGV[4])
    slides = slides or ARGV[2] ~= 'N'
  end
  s.former = s.principal
  if principal ~= '' then
    if s.principal ~= principal then
      index_remove(index_prefix, s.principal, entry_of(index_prefix, key))
      s.principal = principal
      redis.call('HSET', key, 'session_principal', principal)
    end
    if not s.deadline then
      s.now = milliseconds()
      s.deadline = time(ARGV[9], s.now)
      redis.call('HSET', key, 'session_deadline', integer(s.deadline))
      local expires_at = redis.call('PEXPIRETIME', key)
      if expires_at < 0 or expires_at > s.deadline then
        redis.call('PEXPIREAT', key, integer(s.deadline))
      end
    end
    s.bound = true
  end
  s.remaining = slides and touch(key, s, ARGV[1]) or redis.call('PTTL', key)
  return s, values
end

-- {1, remaining, counters, fields or nil} and, where the index has steps of its own, the principal that the
-- session had before or nil, and its deadline or 0.
local function written(key, s, values)
  local answer = { DONE, s.remaining, values, ARGV[3] == '1' and redis.call('HGETALL', key) }
  if ARGV[7] == '' then
    answer[5], answer[6] = s.former, s.deadline or 0
  end
  return answer
end
