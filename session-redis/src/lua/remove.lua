-- KEYS: session. ARGV: index prefix, the principal and the public id that the session is to have or
-- '', the store's prefix to follow tombstones or ''. Returns {DONE, the principal and the public id
-- that the session was listed with or nil, the suffix of its key if tombstones led there or nil}
-- when there was one. Where tombstones were followed in vain: {ROTATED, the suffix of the key
-- behind the last or nil}; that one may be of another slot, or not be here while its slot is
-- migrating.
local key = KEYS[1]
local index_prefix, owner, owner_public_id, prefix = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

local s, code, successor = session_of_owner(key, owner, owner_public_id)
local followed = {}
while code == ROTATED and prefix ~= '' do
  -- Another client may have planted a circle.
  if not successor or followed[key] then return { ROTATED } end
  followed[key] = true
  key = prefix .. successor
  local is_here, found, why, next = pcall(session, key)
  if not is_here and not is_elsewhere(found) then error(found) end
  if not is_here or not found and why ~= ROTATED then return { ROTATED, successor } end
  s, code, successor = found, why, next
end
if not s then return { code } end
require_removable(index_prefix, s, key)
redis.call('DEL', key)
has_begun = true
index_remove(index_prefix, s, key)
local was_listed = is_listed(s)
return { DONE, was_listed and s.principal, was_listed and s.public_id, key ~= KEYS[1] and string.sub(key, #prefix + 1) }
