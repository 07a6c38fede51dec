-- ARGV: those of `head`, limit of fields, field, amount.
local max_fields, field, by = tonumber(ARGV[4]), ARGV[5], ARGV[6]
local FIRST = 5

local before, value, why = v[8] or '0'
-- It may be no integer, or the sum is more than a Lua number holds.
local is_long = #before > 15 or #by > 15 or before ~= '0' and not string.find(before, '^%-?[1-9]%d*$')
