-- What a use does to the expiry: the TTL from now, but never beyond the deadline. What remains
-- then, and the command that sets it.
local remaining, expire, expiry = ttl * 1000, 'EXPIRE', ttl
if deadline and now + remaining > deadline then
  remaining, expire, expiry = deadline - now, 'PEXPIREAT', string.format('%.0f', deadline)
end
