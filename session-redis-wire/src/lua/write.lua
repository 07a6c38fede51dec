-- KEYS session. ARGV as apply. Answers as `written`.
local s, values = apply(KEYS[1])
if not s then return values end
if s.bound then index_add(ARGV[7], s.principal, name_of(ARGV[7], KEYS[1]), s.deadline) end
return written(KEYS[1], s, values)
