-- KEYS: session. ARGV: those of `apply`. Returns what `written` does.
local key = KEYS[1]

local s, values = apply(key)
if not s then return values end
return written(key, s, values)
