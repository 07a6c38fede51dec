-- The index of a principal that has the entry of the session under `key`: where that key shows a
-- hash of the id, behind a brace, the index's shows a hash of the principal. SHA-1 is the only one
-- that scripts have; it makes a name, and keeps nothing that must not be guessed. 128 bits of it
-- suffice.
local index = string.sub(index_prefix, 1, -2)
if string.byte(key, #index_prefix) == 123 then
  index = index .. '#' .. string.sub(redis.sha1hex(principal), 1, 32)
else
  index = index .. '@' .. principal
end
