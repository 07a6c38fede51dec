-- KEYS index. ARGV: index prefix, principal, name of the session to keep or '', number of members to
-- look at, then, to end certain sessions only, their names.
-- Answers {1, sessions ended, members looked at}.
local index, index_prefix, principal, keep = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local names = {}
if #ARGV > 4 then
  for i = 5, #ARGV do names[#names + 1] = ARGV[i] end
else
  local now = milliseconds()
  prune(index, now)
  names = redis.call('ZRANGEBYSCORE', index, after(now), '+inf', 'LIMIT', 0, ARGV[4])
end
local ended = 0
for _, name in ipairs(names) do
  if name ~= keep then
    if member_session(index_prefix, principal, name) then
      redis.call('DEL', key_of(index_prefix, name))
      ended = ended + 1
    end
    redis.call('ZREM', index, name)
  end
end
return { 1, ended, #names }
