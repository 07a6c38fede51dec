if v[2] ~= stamp then
  local done = redis.pcall('HSET', key, 'last_accessed_at', stamp)
  if done ~= 0 then return { FAILED, done.err } end
end
local sum = redis.pcall('HINCRBY', key, field, by)
if type(sum) == 'table' then
  if v[2] ~= stamp then redis.call('HSET', key, 'last_accessed_at', v[2]) end
  return { FAILED, sum.err }
end
local counter = value or sum
