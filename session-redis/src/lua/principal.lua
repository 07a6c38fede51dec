-- The principal that a text names: 1 to 256 bytes of UTF-8. Another text binds to nobody: false,
-- which a reply can hold in the midst of others.
local function principal_of(text)
  if not text or #text < 1 or #text > 256 then return false end
  if not string.find(text, '[\128-\255]') then return text end
  -- What valid UTF-8 has beyond ASCII (RFC 3629); a space in its place, so that what is around a
  -- sequence does not make another.
  local rest = text
  for _, sequence in ipairs({
    '[\194-\223][\128-\191]',
    '\224[\160-\191][\128-\191]', '\237[\128-\159][\128-\191]', '[\225-\236\238\239][\128-\191][\128-\191]',
    '\240[\144-\191][\128-\191][\128-\191]', '[\241-\243][\128-\191][\128-\191][\128-\191]', '\244[\128-\143][\128-\191][\128-\191]',
  }) do
    rest = string.gsub(rest, sequence, ' ')
  end
  return not string.find(rest, '[\128-\255]') and text
end
