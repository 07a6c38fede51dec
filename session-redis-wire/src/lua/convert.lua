-- KEYS session, its new key. ARGV: index prefix. Answers {1}. Touches nothing.
local from, to, index_prefix = KEYS[1], KEYS[2], ARGV[1]
local s, gone = session(from)
if not s then return { gone } end
if redis.call('EXISTS', to) == 1 then return { 2 } end
redis.call('RENAME', from, to) -- keeps the expiry
if s.principal and s.deadline then
  index_remove(index_prefix, s.principal, name_of(index_prefix, from))
  index_add(index_prefix, s.principal, name_of(index_prefix, to), s.deadline)
end
return { 1 }
