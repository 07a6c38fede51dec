-- Refuses more fields than the limit allows. `v` has all reserved fields; the names of those that
-- are to be written are each second argument from FIRST on.
local fields, written = redis.pcall('HLEN', key), (#ARGV - FIRST + 1) / 2
if type(fields) == 'table' then return { FAILED, fields.err } end
-- As if all but the guide's three were the application's, and all that are written were new.
if fields - 3 + written > max_fields then
  for i = 1, 9 do
    if v[i] then fields = fields - 1 end
  end
  local added = 0
  for i = FIRST, #ARGV, 2 do
    if not redis.call('HGET', key, ARGV[i]) then added = added + 1 end
  end
  if added > 0 and fields + added > max_fields then return { REFUSED, TOO_MANY_FIELDS } end
end
