-- Integers of 64 bits as texts: a Lua number is exact up to 2^53 only.

local BILLION = 1000000000
-- The greatest and the least one, in billions and the rest.
local MOST_BILLIONS, MOST_REST, LEAST_REST = 9223372036, 854775807, -854775808

-- The billions and the rest of an integer in Redis's grammar, both with its sign; nil for another
-- text.
local function split(text)
  local sign, digits = string.match(text, '^(%-?)([1-9]%d*)$')
  if not digits then
    if text == '0' then return 0, 0 end
    return nil
  end
  if #digits > 19 then return nil end
  local billions, rest = tonumber(string.sub(digits, 1, -10)) or 0, tonumber(string.sub(digits, -9))
  if sign == '-' then billions, rest = -billions, -rest end
  return billions, rest
end

local function in_range(billions, rest)
  if math.abs(billions) ~= MOST_BILLIONS then return math.abs(billions) < MOST_BILLIONS end
  return rest <= MOST_REST and rest >= LEAST_REST
end

-- The sum of two integers as a text; or nil and why there is none.
local function sum(text, by)
  local billions, rest = split(text)
  if not billions or not in_range(billions, rest) then return nil, NOT_AN_INTEGER end
  local by_billions, by_rest = split(by)
  billions, rest = billions + by_billions, rest + by_rest
  -- The rest is less than a billion, and has the sign of the whole.
  if rest >= BILLION then billions, rest = billions + 1, rest - BILLION end
  if rest <= -BILLION then billions, rest = billions - 1, rest + BILLION end
  if billions > 0 and rest < 0 then billions, rest = billions - 1, rest + BILLION end
  if billions < 0 and rest > 0 then billions, rest = billions + 1, rest - BILLION end
  if not in_range(billions, rest) then return nil, OVERFLOW end
  if billions == 0 then return string.format('%.0f', rest) end
  return string.format('%.0f%09.0f', billions, math.abs(rest))
end
