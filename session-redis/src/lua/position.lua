-- Where a page of an index begins: behind the entries of a score up to those of a public id.
-- Entries of one score are in the order of their bytes, and so in that of their public ids.

-- The rank of the first entry of this score, or of a greater one, that is behind. However many have
-- the same score, it takes a few looks.
local function rank_behind(index, score, public_id)
  local low = redis.call('ZCOUNT', index, '-inf', '(' .. score)
  local high = low + redis.call('ZCOUNT', index, score, score)
  while low < high do
    local middle = math.floor((low + high) / 2)
    if is_less(public_id, redis.call('ZRANGE', index, middle, middle)[1]) then
      high = middle
    else
      low = middle + 1
    end
  end
  return low
end
