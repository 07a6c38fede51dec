-- Whether there may be more fields then than the limit allows: as if all but the guide's three were
-- the application's, and all that are written were new. The names of these are each second argument
-- from FIRST on.
local fields, written = redis.pcall('HLEN', key), (#ARGV - FIRST + 1) / 2
if type(fields) == 'table' then return { FAILED, fields.err } end
local may_be_too_many = fields - 3 + written > max_fields
