-- Whether the session's entry was lost from its principal's index, as when the server has evicted it.
local is_unlisted = deadline and index_prefix ~= '' and v[5] and v[6]
  and redis.pcall('ZSCORE', index_prefix .. v[5], v[6] .. string.sub(key, #index_prefix)) == false
