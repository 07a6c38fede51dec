-- Whether a use slides the expiry. `policy` is A (always), N (never) or the least age in
-- milliseconds, seen from what remains.
local is_due = policy == 'A'
if not is_due and policy ~= 'N' then
  local expires_at = redis.call('PEXPIRETIME', key)
  if expires_at < 0 then
    is_due = true
  elseif not deadline or expires_at < deadline then
    if not now then
      local t = redis.call('TIME')
      now = t[1] * 1000 + math.floor(t[2] / 1000)
    end
    local age = ttl * 1000 - expires_at + now
    is_due = age >= 0 and age >= math.min(tonumber(policy), ttl * 500)
  end
end
