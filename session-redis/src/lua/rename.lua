-- KEYS: session, its new key. ARGV: those of `apply`. Returns what `written` does.
local from, to = KEYS[1], KEYS[2]
if redis.call('EXISTS', to) == 1 then
  local s, code = session(from)
  return { s and ID_TAKEN or code }
end
local s, values = apply(from)
if not s then return values end
redis.call('RENAME', from, to) -- keeps the expiry
if s.principal and s.deadline then
  index_remove(index_prefix, s.principal, entry_of(index_prefix, from))
  index_add(index_prefix, s.principal, entry_of(index_prefix, to), s.deadline)
end
return written(to, s, values)
