if not is_due then
  return { DONE, redis.call('PTTL', key), false, returns_fields and redis.call('HGETALL', key) }
end
