-- KEYS: session, its new key. ARGV: those of `apply`. Returns what `written` does.
local from, to = KEYS[1], KEYS[2]

if redis.call('EXISTS', to) == 1 then
  local s, code = session(from)
  return { s and ID_TAKEN or code }
end
local s, values = apply(from)
if not s then return values end
if binding == '' then index_remove(index_prefix, s, from) end
redis.call('RENAME', from, to) -- keeps the expiry
index_add(index_prefix, s, to)
return written(to, s, values)
