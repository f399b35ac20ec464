-- What nginx does with each request: its body redacted in place.
local redact = require "redact"

return function()
  ngx.req.read_body()
  local body = ngx.req.get_body_data()
  if not body then return end
  local redacted = redact(body)
  if not redacted then return ngx.exit(400) end
  ngx.req.set_body_data(redacted)
end
