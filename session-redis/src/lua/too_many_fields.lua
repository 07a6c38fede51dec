for i = 1, #reserved do
  if reserved[i] then fields = fields - 1 end
end
local added = 0
for i = FIRST, #ARGV, 2 do
  if not redis.call('HGET', key, ARGV[i]) then added = added + 1 end
end
if added > 0 and fields + added > max_fields then return { REFUSED, TOO_MANY_FIELDS } end
