-- What makes a key a session. The twin of `StoredSession::parse` in session-core. `v` has the
-- reserved fields of `key`, in the order of RESERVED. Of a session: its TTL in seconds as a text,
-- and, if it has a deadline, that and the present time. Else the code that says why there is none.
local code, ttl, deadline, now
if v.err then
  code = string.sub(v.err, 1, 9) == 'WRONGTYPE' and NO_SESSION or FAILED
elseif not (v[1] and v[2] and v[3]) then
  code = redis.pcall('EXISTS', key) == 1 and NO_SESSION or NOT_FOUND
else
  ttl = v[3]
  if #ttl > 10 or not string.find(ttl, '^[1-9]%d*$') or tonumber(ttl) > 4294967295 then
    code = NO_SESSION
  elseif v[4] then
    local t = redis.pcall('TIME')
    deadline = #v[4] <= 15 and string.find(v[4], '^[1-9]%d*$') and tonumber(v[4])
    if t.err then
      v, code = t, FAILED
    else
      now = t[1] * 1000 + math.floor(t[2] / 1000)
      if not deadline or now >= deadline then code = NO_SESSION end
    end
  end
end
