-- Applies a delta to the session under a key, all or nothing.

local stamp, policy, returns_fields, new_ttl = ARGV[1], ARGV[2], ARGV[3] == '1', ARGV[4]
-- '' where there is no limit.
local max_fields, max_bytes = tonumber(ARGV[5]), ARGV[6]
local index_prefix = ARGV[7]
-- B (bind, to this principal with this public id), U (unbind) or ''.
local binding, bind_to, public_id = ARGV[8], ARGV[9], ARGV[10]
-- The lifetime (a `time`) of a session that has no deadline; with '1' also of one that has.
local lifetime, moves_deadline = ARGV[11], ARGV[12] == '1'
-- The persistence that a binding brings: 1, 0 or ''.
local persistent = ARGV[13]
-- How many sessions the principal may have or '', and 1 to end others for it.
local limit, evicts = ARGV[14], ARGV[15]
-- Whose entry the cross-slot index has already, as public id and principal, or ''; and until when.
local indexed, indexed_until = ARGV[16], ARGV[17]
-- When only some fields are kept: A (always), P (if the principal changes, and then the session
-- starts again), F (none is, and it starts again) or '' (never).
local keeps_only = ARGV[18]
-- The session is to be the one that this principal knows by this public id, or ''.
local owner, owner_public_id = ARGV[19], ARGV[20]
-- How many there are of each, and where they begin: expectations (field, '=' and its value or ''),
-- counters (field, amount), sets (field, value), removals (field), kept fields.
local EXPECTATIONS = 26
local COUNTERS = EXPECTATIONS + 2 * tonumber(ARGV[21])
local SETS = COUNTERS + 2 * tonumber(ARGV[22])
local REMOVALS = SETS + 2 * tonumber(ARGV[23])
local KEPT = REMOVALS + tonumber(ARGV[24])
local LAST = KEPT + tonumber(ARGV[25]) - 1

local IS_RESERVED = {}
for _, name in ipairs(RESERVED) do IS_RESERVED[name] = true end

-- The arguments from `first` to before `next` as a set, each `step`th.
local function names(first, next, step)
  local set = {}
  for i = first, next - 1, step do set[ARGV[i]] = true end
  return set
end

local function is_conflict(key)
  for i = EXPECTATIONS, COUNTERS - 1, 2 do
    local value, expected = redis.call('HGET', key, ARGV[i]), ARGV[i + 1]
    if value ~= (expected ~= '' and string.sub(expected, 2)) then return true end
  end
end

-- The fields that are removed since they are not kept, as a list and as a set.
local function cleared(key)
  local keep, replaced, list, set = names(KEPT, LAST + 1, 1), names(SETS, REMOVALS, 2), {}, {}
  for _, field in ipairs(redis.call('HKEYS', key)) do
    if not (IS_RESERVED[field] or keep[field] or replaced[field]) then
      list[#list + 1] = field
      set[field] = true
    end
  end
  return list, set
end

-- What the counters will be; or nil and why one cannot be. One whose field is cleared counts from
-- 0.
local function counted(key, is_cleared)
  local values = {}
  for i = COUNTERS, SETS - 1, 2 do
    local before = not is_cleared[ARGV[i]] and redis.call('HGET', key, ARGV[i])
    local value, why = sum(before or '0', ARGV[i + 1])
    if not value then return nil, why end
    values[#values + 1] = value
  end
  return values
end

-- Why the session would be too large, if it would be: it has grown, and beyond a limit.
local function too_large(key, s, values, is_cleared)
  local before = redis.call('HLEN', key) - s.reserved
  if max_bytes == '' and before + (REMOVALS - COUNTERS) / 2 <= max_fields then return nil end
  local removed = names(REMOVALS, KEPT, 1)
  local written = {}
  local fields, bytes = 0, 0
  for i = COUNTERS, SETS - 1, 2 do
    written[ARGV[i]] = true
    fields, bytes = fields + 1, bytes + #ARGV[i] + #values[(i - COUNTERS) / 2 + 1]
  end
  for i = SETS, REMOVALS - 1, 2 do
    written[ARGV[i]] = true
    fields, bytes = fields + 1, bytes + #ARGV[i] + #ARGV[i + 1]
  end
  local bytes_before = 0
  local hash = redis.call('HGETALL', key)
  for i = 1, #hash, 2 do
    local field = hash[i]
    if not IS_RESERVED[field] then
      local size = #field + #hash[i + 1]
      bytes_before = bytes_before + size
      if not (is_cleared[field] or removed[field] or written[field]) then
        fields, bytes = fields + 1, bytes + size
      end
    end
  end
  if fields > before and fields > max_fields then return TOO_MANY_FIELDS end
  if max_bytes ~= '' and bytes > bytes_before and bytes > tonumber(max_bytes) then return TOO_MANY_BYTES end
end

-- Where the index has steps of its own they come first: nil when it has the entry of the session as
-- it is about to be bound or moved, else the reply that says what it must have.
local function not_indexed(s, deadline)
  if index_prefix ~= '' then return nil end
  local needed = public_id .. bind_to
  if binding == '' and #KEYS > 1 and is_listed(s) then needed = s.public_id .. s.principal end
  if needed == '' or not deadline then return nil end
  if indexed == needed and deadline <= tonumber(indexed_until) then return nil end
  return { NOT_INDEXED, s.principal, s.deadline or 0, s.public_id }
end

-- Leaves a tombstone under the key from which the session, which is this principal's now, was
-- renamed. The key expires with it.
local function leave_tombstone(key, s, principal)
  local last = integer(s.now + tonumber(ARGV[LAST + 1]))
  local is_kept = (s.before.principal or '') == (principal or '')
  redis.call('HSET', key, 'session_rotated', is_kept and last .. ' ' .. ARGV[LAST + 2] or last)
  redis.call('PEXPIREAT', key, last)
end

local function in_batches(command, key, list, first, last)
  for i = first, last, 2000 do
    redis.call(command, key, unpack(list, i, math.min(i + 1999, last)))
  end
end

-- What becomes of the session's principal, public id, log-in and persistence.
local function bind(key, s)
  if binding == 'U' then
    redis.call('HDEL', key, 'session_principal', 'session_public_id', 'session_login_at', 'session_persistent')
    s.principal, s.public_id = false, false
  elseif binding == 'B' then
    s.principal, s.public_id = bind_to, public_id
    local login_at = integer(s.now)
    redis.call('HSET', key, 'session_principal', bind_to, 'session_public_id', public_id, 'session_login_at', login_at)
    if persistent ~= '' then
      redis.call('HSET', key, 'session_persistent', persistent)
    elseif s.persistent then
      redis.call('HDEL', key, 'session_persistent')
    end
  end
end

-- Applies the delta to the session under a key and moves it to another key, if one is given. The
-- session after that and the values of the counters; or nil and the reply. `s.before` is whose it
-- was before.
local function apply(key, to)
  -- Whatever can be refused, or fail, is found out here.
  local s, code = session_of_owner(key, owner, owner_public_id)
  if not s then return nil, { code } end
  if is_conflict(key) then return nil, { REFUSED, CONFLICT } end
  local principal_changes = binding ~= '' and s.principal and s.principal ~= bind_to
  local restarts = keeps_only == 'F' or keeps_only == 'P' and principal_changes
  local gone, is_gone = {}, {}
  if keeps_only == 'A' or restarts then gone, is_gone = cleared(key) end
  local values, why = counted(key, is_gone)
  if values and REMOVALS > COUNTERS then why = too_large(key, s, values, is_gone) end
  if why then return nil, { REFUSED, why } end
  local deadline = s.deadline
  if binding == 'B' then
    s.now = s.now or milliseconds()
    if moves_deadline or restarts or not deadline then deadline = time(lifetime, s.now) end
  elseif restarts then
    deadline = nil
  end
  local forgets = binding == 'U' or binding == 'B' and persistent == '' and s.persistent
  local removes = #gone > 0 or KEPT > REMOVALS or forgets or restarts
  local slides = due(key, s.ttl, s.deadline, s.now, policy) or new_ttl ~= '' and policy ~= 'N'
  local is_capped = false
  if binding == 'B' and not slides then
    local expires_at = redis.call('PEXPIRETIME', key)
    is_capped = expires_at < 0 or expires_at > deadline
  end
  require_right('HSET', to or key)
  require_right(slides and 'EXPIRE' or 'PTTL', to or key)
  if is_capped or deadline then require_right('PEXPIREAT', to or key) end
  if removes then require_right('HDEL', to or key) end
  if SETS > COUNTERS then require_right('HINCRBY', to or key) end
  if returns_fields then require_right('HGETALL', to or key) end
  if to then
    require_right('RENAME', key, to)
    require_right('HSET', key)
    require_right('PEXPIREAT', key)
    s.now = s.now or milliseconds() -- which may be denied too
  end
  if binding ~= '' or to then
    require_removable(index_prefix, s, key)
    require_index(index_prefix, binding == '' and is_listed(s) and s.principal or bind_to, to or key)
  end
  local surplus
  if binding == 'B' then
    local refused
    refused, surplus = over_quota(index_prefix, bind_to, key, limit, evicts)
    if refused then return nil, refused end
  end
  local missing = not_indexed(s, deadline)
  if missing then return nil, missing end

  -- Nothing fails from here on.
  has_begun = true
  local again = surplus and evict(index_prefix, bind_to, surplus)
  if again then return nil, again end
  s.before = { principal = s.principal, public_id = s.public_id, deadline = s.deadline }
  if binding ~= '' or to then index_remove(index_prefix, s, key) end
  if to then
    redis.call('RENAME', key, to) -- keeps the expiry
    leave_tombstone(key, s, binding == '' and s.principal or bind_to)
    key = to
  end
  in_batches('HDEL', key, gone, 1, #gone)
  for i = COUNTERS, SETS - 1, 2 do redis.call('HINCRBY', key, ARGV[i], ARGV[i + 1]) end
  in_batches('HSET', key, ARGV, SETS, REMOVALS - 1)
  in_batches('HDEL', key, ARGV, REMOVALS, KEPT - 1)
  if new_ttl ~= '' then
    s.ttl = tonumber(new_ttl)
    redis.call('HSET', key, 'session_ttl', new_ttl)
  end
  if restarts then redis.call('HSET', key, 'created_at', stamp) end
  bind(key, s)
  if deadline ~= s.deadline then
    s.deadline = deadline
    if deadline then
      redis.call('HSET', key, 'session_deadline', integer(deadline))
    else
      redis.call('HDEL', key, 'session_deadline')
    end
  end
  if is_capped then redis.call('PEXPIREAT', key, integer(deadline)) end
  s.remaining = slides and touch(key, s, stamp) or redis.call('PTTL', key)
  if binding ~= '' or to then
    index_add(index_prefix, s, key)
  elseif slides then
    index_heal(index_prefix, s, key)
  end
  return s, values
end

-- {DONE or EVICTED, remaining, counters, fields or nil} and, where the index has steps of its own,
-- the principal and the public id that the session was listed with before or nil, and its deadline
-- or 0.
local function written(key, s, values)
  local reply = { has_evicted and EVICTED or DONE, s.remaining, values, returns_fields and redis.call('HGETALL', key) }
  if index_prefix == '' then
    local was_listed = is_listed(s.before)
    reply[5], reply[6] = was_listed and s.before.principal, was_listed and s.before.public_id
    reply[7] = s.deadline or 0
  end
  return reply
end
