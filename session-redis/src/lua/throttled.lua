for _, command in ipairs({ 'PEXPIRETIME', 'PTTL' }) do
  if not redis.acl_check_cmd(command, key) then return { FAILED, DENIED } end
end
if not redis.acl_check_cmd('TIME') then return { FAILED, DENIED } end
