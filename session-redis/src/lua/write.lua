-- KEYS: session. ARGV: those of `apply`. Returns what `written` does.
local s, values = apply(KEYS[1])
if not s then return values end
if s.bound then index_add(index_prefix, s.principal, entry_of(index_prefix, KEYS[1]), s.deadline) end
return written(KEYS[1], s, values)
