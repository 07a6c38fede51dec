-- What makes a key a session. The twin of `StoredSession::parse` in session-core. `v` has the
-- reserved fields of `key`, in the order of RESERVED. Of a session: its TTL in seconds as a text,
-- and, if it has a deadline, that and the present time. Else the code that says why there is none,
-- and the suffix of its successor's key, if a tombstone names one.
local code, ttl, deadline, now, successor
local time = (v[4] or v[7]) and redis.pcall('TIME')
if time and not time.err then now = time[1] * 1000 + math.floor(time[2] / 1000) end
if v.err then
  code = string.sub(v.err, 1, 9) == 'WRONGTYPE' and NO_SESSION or FAILED
elseif time and time.err then
  v, code = time, FAILED
elseif v[7] then
  local last, rest = string.match(v[7], '^([1-9]%d*)(.*)$')
  if not last or #last > 15 or rest ~= '' and not string.find(rest, '^ .') then
    code = NO_SESSION
  elseif now > tonumber(last) then
    code = NOT_FOUND
  else
    code, successor = ROTATED, rest ~= '' and string.sub(rest, 2) or nil
  end
elseif not (v[1] and v[2] and v[3]) then
  code = redis.pcall('EXISTS', key) == 1 and NO_SESSION or NOT_FOUND
else
  ttl = v[3]
  deadline = v[4] and #v[4] <= 15 and string.find(v[4], '^[1-9]%d*$') and tonumber(v[4])
  if #ttl > 10 or not string.find(ttl, '^[1-9]%d*$') or tonumber(ttl) > 4294967295 then
    code = NO_SESSION
  elseif v[4] and not (deadline and now < deadline) then
    code = NO_SESSION
  end
end
