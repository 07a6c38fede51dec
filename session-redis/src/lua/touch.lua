-- ARGV: those of `head`.
local counter
if v[2] ~= stamp then
  local done = redis.pcall('HSET', key, 'last_accessed_at', stamp)
  if done ~= 0 then return { FAILED, done.err } end
end
