-- What the texts of a session's fields say.

local function integer(n) return string.format('%.0f', n) end

-- The public id that a text is: 16 bytes as canonical base64url. Another text is none: false.
local function public_id_of(text)
  return text and #text == 22 and string.find(text, '^[A-Za-z0-9_%-]*[AQgw]$') and text or false
end

-- Whether a session belongs into the index of its principal.
local function is_listed(s) return s.principal and s.public_id and true or false end
