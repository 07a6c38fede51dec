-- KEYS any key of the node that is meant. ARGV: cursor, prefix of the keys, number of keys to look at, 1 to
-- answer the sessions and not the names alone.
-- Answers {1, next cursor, name, …}; or {1, next cursor, then of each live session: name, created_at,
-- last_accessed_at, TTL in seconds, what remains, deadline or 0, principal or ''}.
local prefix = ARGV[2]
local found = redis.call('SCAN', ARGV[1], 'MATCH', prefix .. '*', 'COUNT', ARGV[3], 'TYPE', 'hash')
local answer, last = { 1, found[1] }, 2
for _, key in ipairs(found[2]) do
  local name = string.sub(key, #prefix + 1)
  if ARGV[4] ~= '1' then
    last = last + 1
    answer[last] = name
  else
    local is_here, s = pcall(session, key)
    if not is_here then
      -- The key's slot is on its way to this node of a cluster; scripts may not look at it yet.
      local text = type(s) == 'table' and s.err or tostring(s)
      if not string.find(text, 'non local key', 1, true) then error(s) end
    elseif s then
      answer[last + 1], answer[last + 2], answer[last + 3] = name, s.created_at, s.last_accessed_at
      answer[last + 4], answer[last + 5] = s.ttl, redis.call('PTTL', key)
      answer[last + 6], answer[last + 7] = s.deadline or 0, s.principal or ''
      last = last + 7
    end
  end
end
return answer
