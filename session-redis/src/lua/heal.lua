index_heal(index_prefix, { principal = principal_of(v[5]), public_id = public_id_of(v[6]), deadline = deadline }, key)
