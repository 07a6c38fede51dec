-- What the texts of a session's fields say.

local PUBLIC_ID = 16

local function integer(n) return string.format('%.0f', n) end

local function number(text, digits)
  if #text <= digits and string.find(text, '^[1-9]%d*$') then return tonumber(text) end
end

-- Public ids, and entries by theirs, in the order of their bytes; that of Lua's `<` is the server's
-- locale's.
local function is_less(one, other)
  for i = 1, PUBLIC_ID do
    local a, b = string.byte(one, i) or 0, string.byte(other, i) or 0
    if a ~= b then return a < b end
  end
  return false
end

-- The public id that a text is: so many characters of base64url. Another text is none: false.
local function public_id_of(text)
  return text and #text == PUBLIC_ID and string.find(text, '^[A-Za-z0-9_%-]*$') and text or false
end

-- Whether a session belongs into the index of its principal.
local function is_listed(s) return s.principal and s.public_id and true or false end
