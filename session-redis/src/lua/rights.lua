if not redis.acl_check_cmd(expire, key, expiry) or returns_fields and not redis.acl_check_cmd('HGETALL', key) then
  return { FAILED, DENIED }
end
