-- KEYS index. ARGV: index prefix, principal, number of members to look at, number of names to keep, those
-- names, then, to end certain sessions only, their names.
-- Answers {1, sessions ended, members looked at}.
local index, index_prefix, principal = KEYS[1], ARGV[1], ARGV[2]
local keep, names = {}, {}
local last_kept = 4 + tonumber(ARGV[4])
for i = 5, last_kept do keep[ARGV[i]] = true end
if #ARGV > last_kept then
  for i = last_kept + 1, #ARGV do names[#names + 1] = ARGV[i] end
else
  local now = milliseconds()
  prune(index, now)
  names = redis.call('ZRANGEBYSCORE', index, after(now), '+inf', 'LIMIT', 0, ARGV[3])
end
local ended = 0
for _, name in ipairs(names) do
  if not keep[name] then
    if member_session(index_prefix, principal, name) then
      redis.call('DEL', key_of(index_prefix, name))
      ended = ended + 1
    end
    redis.call('ZREM', index, name)
  end
end
return { 1, ended, #names }
