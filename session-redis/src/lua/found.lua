if code == FAILED then return { FAILED, v.err } end
if code then return code end
