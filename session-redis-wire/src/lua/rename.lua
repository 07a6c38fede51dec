-- KEYS session, its new key. ARGV as apply. Answers as `written`.
local from, to = KEYS[1], KEYS[2]
if redis.call('EXISTS', to) == 1 then
  local s, gone = session(from)
  return { s and 2 or gone }
end
local s, values = apply(from)
if not s then return values end
redis.call('RENAME', from, to) -- keeps the expiry
if s.principal and s.deadline then
  index_remove(ARGV[7], s.principal, name_of(ARGV[7], from))
  index_add(ARGV[7], s.principal, name_of(ARGV[7], to), s.deadline)
end
return written(to, s, values)
