local is_unlisted = redis.pcall('ZSCORE', index, v[6] .. string.sub(key, #index_prefix)) == false
