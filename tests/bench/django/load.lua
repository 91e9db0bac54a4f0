-- The load of `compare.py`, for `wrk`: signed webhooks from a file, or messages of an application.

local kind = os.getenv("KIND")
local number = tonumber(os.getenv("FIRST"))
local webhooks = {}

function init()
  if kind == "inbound" then
    local skipped = 0
    for line in io.lines(os.getenv("WEBHOOKS")) do
      if skipped < number then
        skipped = skipped + 1
      else
        webhooks[#webhooks + 1] = line
        -- More than a turn can need.
        if #webhooks == 120000 then break end
      end
    end
    number = 0
  end
end

function request()
  number = number + 1
  if kind == "inbound" then
    local signature, body = webhooks[number]:match("^(.-)\t(.*)$")
    local headers = {
      ["Content-Type"] = "application/x-www-form-urlencoded",
      ["X-Twilio-Signature"] = signature,
    }
    return wrk.format("POST", "/webhooks/sms/inbound", headers, body)
  end
  local headers = { ["Content-Type"] = "application/json", ["Authorization"] = "Bearer " .. os.getenv("KEY") }
  local body = string.format('{"to": "+5255%d", "text": "Su pedido %d."}', 30000000 + number % 5000, number)
  return wrk.format("POST", "/v1/messages", headers, body)
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"requests": %d, "seconds": %.3f, "p50_ms": %.3f, "p99_ms": %.3f, "errors": %d}\n',
    summary.requests - errors.status, summary.duration / 1e6, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3, errors.status + errors.timeout + errors.read + errors.connect
  ))
end
