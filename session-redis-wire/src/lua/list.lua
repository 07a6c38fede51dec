-- KEYS index. ARGV: index prefix, principal, least score ('-inf' to begin), number of members to look at.
-- Answers {1, members looked at, greatest score, name, created_at, last_accessed_at, …}; prunes the dead.
local index, index_prefix, principal = KEYS[1], ARGV[1], ARGV[2]
local now = milliseconds()
prune(index, now)
local least = ARGV[3]
if least == '-inf' then least = after(now) end
local members = redis.call('ZRANGEBYSCORE', index, least, '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[4])
local answer = { 1, #members / 2, members[#members] or '' }
for i = 1, #members, 2 do
  local name = members[i]
  local s = member_session(index_prefix, principal, name)
  if s then
    answer[#answer + 1] = name
    answer[#answer + 1] = s.created_at
    answer[#answer + 1] = s.last_accessed_at
  else
    redis.call('ZREM', index, name)
  end
end
return answer
