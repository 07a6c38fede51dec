-- The index of a principal's sessions: a sorted set, or two. An entry is a session's public id and
-- its key without the store's prefix; its score is the session's deadline. Where that key shows a
-- hash of the id, the key of the index that has the entry shows a hash of the principal.
-- `index_prefix` is the store's prefix and one character more: `@` where ids are stored plainly,
-- `#` where hashed, `&` where both ways. It is empty where the index has steps of its own
-- (cross-slot index).

-- The latest time that an index is kept until, whatever the scores are that others give.
local LATEST = 2 ^ 53

local function entry_of(index_prefix, s, key) return s.public_id .. string.sub(key, #index_prefix) end

local function index_add(index_prefix, s, key)
  if index_prefix == '' or not is_listed(s) then return end
  local index = index_of(index_prefix, s.principal, key)
  redis.call('ZADD', index, integer(s.deadline), entry_of(index_prefix, s, key))
  local last = redis.call('ZRANGE', index, -1, -1, 'WITHSCORES')
  redis.call('PEXPIREAT', index, integer(math.min(tonumber(last[2]), LATEST)))
end

-- With each use of a session: its entry comes back if it was lost, as when the server has evicted
-- the index. A use never fails for that: where the account may not do it, or the index's key is of
-- another type, the entry stays away.
local function index_heal(index_prefix, s, key)
  if index_prefix == '' or not is_listed(s) then return end
  local index = index_of(index_prefix, s.principal, key)
  if redis.pcall('ZSCORE', index, entry_of(index_prefix, s, key)) ~= false then return end
  for _, command in ipairs({ 'ZADD', 'ZRANGE', 'PEXPIREAT' }) do
    if not redis.acl_check_cmd(command, index) then return end
  end
  index_add(index_prefix, s, key)
end
