-- KEYS: session. ARGV: those of `apply`. Returns what `written` does.
local key = KEYS[1]

local s, values = apply(key)
if not s then return values end
if binding ~= '' then index_add(index_prefix, s, key) end
return written(key, s, values)
