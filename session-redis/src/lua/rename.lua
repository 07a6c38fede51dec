-- KEYS: session, its new key. ARGV: those of `apply`, then how long the tombstone lasts in
-- milliseconds and the suffix of the new key. Returns what `written` does.
local from, to = KEYS[1], KEYS[2]

if redis.call('EXISTS', to) == 1 then
  local s, code = session(from)
  return { s and ID_TAKEN or code }
end
local s, values = apply(from, to)
if not s then return values end
return written(to, s, values)
